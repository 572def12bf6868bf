"""Measure what is heard where the embedded voice goes from one piece of a sentence to the next.

    PYTHONPATH=. python scripts/plot-seams.py FILE.json docs/seams.png

Sentences are spoken whole, in pieces as the server does, and in pieces that know nothing of each
other; pitch, level, pause and the length of the words are compared at the same places. `off` is the
difference from the whole sentence. Needs matplotlib (requirements-test.txt has it).
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from tests.support.speaking import steps as chunks_of

from vibevoice_pro.bench.sentences import SENTENCES
from vibevoice_pro.bench.texts import SENTENCES as PROSE
from vibevoice_pro.models.base import Mark, Options
from vibevoice_pro.models.hibari.model import VOICE, HibariModel
from vibevoice_pro.text.segment import Cut, Limit, Piece, Segmenter

matplotlib.use("Agg")
import matplotlib.pyplot as plt

RATE = 24000
WHOLE = (Limit(999, 999, 0),)
EDGE = round(0.3 * RATE)  # how far from a seam it is listened
OPENINGS = ("", "Good morning to you. ")  # without and with: the first and the second limit apply
MEASURES = {
    "pitch_step": "pitch step, semitones",
    "level_step": "level step, dB",
    "pause": "silence between, s",
    "pitch_before": "pitch before,\nsemitones off",
    "pitch_after": "pitch after,\nsemitones off",
    "length_before": "word before,\n% longer",
    "length_after": "word after,\n% longer",
}
SIDES = {"whole": "0.8", "apart": "tab:red", "joined": "tab:green"}
CUTS = {"WORD": "between words", "CLAUSE": "at a comma"}
Row = dict[str, Any]


class Apart(Segmenter):
    """Pieces of which nothing is known but themselves."""

    @property
    def next(self) -> Piece | None:
        """The next piece, without what is ahead of it."""
        return super().next and replace(super().next, ahead="")


def speak(model: HibariModel, text: str, segmenter: Segmenter) -> tuple[np.ndarray, list[Mark]]:
    """The sound of a text, and its marks with places in all of it."""
    utterance = model.open(VOICE.id, Options())
    utterance.text = segmenter
    utterance.feed(text)
    utterance.finish()
    waves, marks, at = [], [], 0
    for chunk in chunks_of(model, utterance):
        if isinstance(segmenter, Apart):
            utterance.behind = ""
        marks += [Mark(m.chars, (at + m.samples[0], at + m.samples[1])) for m in chunk.marks]
        waves.append(chunk.wave)
        at += len(chunk.wave)
    return np.concatenate(waves), marks


def seams(text: str) -> list[tuple[int, Cut]]:
    """Where a sentence is cut: characters before the cut, and its kind."""
    segmenter = Segmenter()
    segmenter.feed(text)
    segmenter.finish()
    pieces = list(iter(segmenter.take, None))
    return [(p.end, p.cut) for p in pieces[:-1]]


def pitches(wave: np.ndarray) -> np.ndarray:
    """Pitch in Hz every 5 ms by autocorrelation of 40 ms, of voiced stretches only."""
    size, found = round(0.04 * RATE), []
    for start in range(0, len(wave) - size, RATE // 200):
        part = wave[start : start + size] - wave[start : start + size].mean()
        power = np.fft.rfft(part * np.hanning(size), 4 * size)
        like = np.fft.irfft(np.abs(power) ** 2)[: RATE // 90]
        window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(size), 4 * size)) ** 2)[: RATE // 90]
        like = like / max(like[0], 1e-9) / (window / window[0])
        low = RATE // 350
        best = low + int(like[low:].argmax())
        if like[best] > 0.7 and np.sqrt(np.mean(part**2)) > 0.01:
            found.append(RATE / best)
    return np.asarray(found)


def level(wave: np.ndarray) -> float:
    """Loudest 30 ms, in dB."""
    power = np.convolve(wave**2, np.ones(720) / 720, "valid")
    return float(10 * np.log10(power.max(initial=1e-9)))


def heard(wave: np.ndarray, before: Mark, after: Mark) -> dict[str, float]:
    """What there is between two words: pitch (Hz) and level (dB) of both sides, pause, lengths."""
    left = wave[max(before.samples[0], before.samples[1] - EDGE) : before.samples[1]]
    right = wave[after.samples[0] : min(after.samples[1], after.samples[0] + EDGE)]
    low, high = pitches(left)[-12:], pitches(right)[:12]
    return {
        "low": float(np.median(low)) if len(low) else np.nan,
        "high": float(np.median(high)) if len(high) else np.nan,
        "level_step": level(right) - level(left),
        "pause": (after.samples[0] - before.samples[1]) / RATE,
        "first": float(before.samples[1] - before.samples[0]),
        "second": float(after.samples[1] - after.samples[0]),
    }


def between(marks: list[Mark], place: int) -> tuple[Mark, Mark] | None:
    """The words around a cut behind `place` characters."""
    for before, after in pairwise(marks):
        if before.chars[1] <= place <= after.chars[0]:
            return before, after
    return None


def semitones(ratio: float) -> float:
    """A ratio of frequencies."""
    return float(12 * np.log2(ratio))


def measure() -> list[Row]:
    """A row for each seam: text, place, kind of cut, and `MEASURES` of each way to speak."""
    model, rows = HibariModel(), []
    for text in [opening + sentence for opening in OPENINGS for sentence in (*PROSE, *SENTENCES)]:
        cuts = [(place, cut) for place, cut in seams(text) if cut < Cut.SENTENCE]
        if not cuts:
            continue
        spoken = [speak(model, text, s) for s in (Segmenter(WHOLE), Apart(), Segmenter())]
        for place, cut in cuts:
            words = [between(marks, place) for _, marks in spoken]
            if all(words):
                found = [heard(wave, *w) for (wave, _), w in zip(spoken, words, strict=True) if w]
                sides = [steps(found[0]), *(steps(x) | off(x, found[0]) for x in found[1:])]
                row: Row = {"cut": cut.name, "text": text, "place": place}
                rows.append(row | dict(zip(SIDES, sides, strict=True)))
    return rows


def off(pieces: dict[str, float], whole: dict[str, float]) -> dict[str, float]:
    """How far what is around a seam is from the same words in the whole sentence."""
    return {
        "pitch_before": semitones(pieces["low"] / whole["low"]),
        "pitch_after": semitones(pieces["high"] / whole["high"]),
        "length_before": 100 * (pieces["first"] / whole["first"] - 1),
        "length_after": 100 * (pieces["second"] / whole["second"] - 1),
    }


def steps(x: dict[str, float]) -> dict[str, float]:
    """What changes from one side of a seam to the other."""
    return {
        "pitch_step": semitones(x["high"] / x["low"]),
        "level_step": x["level_step"],
        "pause": x["pause"],
    }


def values(rows: list[Row], cut: str, side: str, name: str) -> np.ndarray:
    """One measure of all seams of a kind, without those that have no pitch."""
    found = np.asarray([r[side].get(name, np.nan) for r in rows if r["cut"] == cut])
    return found[~np.isnan(found)]


def table(rows: list[Row]) -> str:
    """Median and 5 to 95 % range of each measure, for Markdown."""
    lines = [f"| | {' | '.join(SIDES)} |", "|---|---|---|---|"]
    for cut in CUTS:
        for name, title in MEASURES.items():
            cells = []
            for side in SIDES:
                some = values(rows, cut, side, name)
                low, middle, high = np.percentile(some, [5, 50, 95]) if some.size else [0, 0, 0]
                cells.append(f"{middle:.2f} ({low:.2f} to {high:.2f})" if some.size else "")
            what = f"{CUTS[cut]} ({len(some)}): {title}".replace("\n", " ")
            lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def plot(rows: list[Row], picture: Path) -> None:
    """Boxes from 25 to 75 %, whiskers from 5 to 95 %."""
    figure, axes = plt.subplots(2, len(MEASURES), figsize=(14, 5.6), layout="constrained")
    for line, (cut, what) in zip(axes, CUTS.items(), strict=True):
        for axis, (name, title) in zip(line, MEASURES.items(), strict=True):
            sides = {side: values(rows, cut, side, name) for side in SIDES}
            sides = {side: some for side, some in sides.items() if some.size}
            boxes = axis.boxplot(
                list(sides.values()), whis=(5, 95), showfliers=False, widths=0.6,
                patch_artist=True, medianprops={"color": "black"},
            )  # fmt: skip
            axis.set_xticks(range(1, len(sides) + 1), list(sides), fontsize=9)
            for box, side in zip(boxes["boxes"], sides, strict=True):
                box.set_facecolor(SIDES[side])
            if "whole" not in sides:
                axis.axhline(0, color="0.5", linewidth=1, zorder=0)
            axis.set_title(title, fontsize=9)
            axis.spines[["top", "right"]].set_visible(False)
        line[0].set_ylabel(what)
    figure.savefig(picture, dpi=110)


def main(report: Path, picture: Path) -> None:
    """Measure, write down, print and draw."""
    rows = measure()
    report.write_text(json.dumps(rows, indent=1))
    print(table(rows))
    plot(rows, picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
