"""Draw what `vibevoice-pro bench engine --json FILE` reported: plot-engine-bench.py FILE PNG.

Needs matplotlib (requirements-test.txt has it).
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

FRAME_MS = 3200 / 24000 * 1000


def main(report: Path, picture: Path) -> None:
    """Stack the stages of a frame for each number of streams, beside the time there is."""
    data = json.loads(report.read_text())
    levels = data["levels"]
    names = [str(level["streams"]) for level in levels]
    totals = [FRAME_MS * level["rtf"] for level in levels]
    figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
    base = [0.0] * len(levels)
    for stage in levels[0]["shares"]:
        heights = [
            t * level["shares"].get(stage, 0.0) for t, level in zip(totals, levels, strict=True)
        ]
        axes.bar(names, heights, bottom=base, label=stage, width=0.6)
        base = [b + h for b, h in zip(base, heights, strict=True)]
    axes.axhline(FRAME_MS, color="black", linestyle="--", linewidth=1)
    axes.text(-0.4, FRAME_MS, "real time", va="bottom", ha="left", fontsize=9)
    for i, total in enumerate(totals):
        axes.text(i, total, f"{total:.0f}", ha="center", va="bottom", fontsize=9)
    axes.set_xlabel("streams at once")
    axes.set_ylabel("milliseconds for 133 ms of every stream")
    model = data["model"]
    kind = f"{model['precision']}, {model.get('kernels', '')} kernels"
    axes.set_title(f"{model['name']}, {kind}, {data['cores']} cores {data['cpu']}")
    axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(picture, dpi=130)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
