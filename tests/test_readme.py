"""The program in the README does what the README says."""

from __future__ import annotations

import re
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from tests.support.serving import Running

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_ten_lines_of_python(name: str, server: Running, tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.S)
    program = program.replace("127.0.0.1:7860", f"127.0.0.1:{server.port}")
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=60)
    with wave.open(str(tmp_path / "out.wav")) as out:
        assert 1.5 < out.getnframes() / out.getframerate() < 5


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md")),
                         ids=lambda p: p.name)  # fmt: skip
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)\)", path.read_text()):
        if not target.startswith(("http://", "https://", "/")):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_measured_is_what_the_report_says(name: str) -> None:
    """The first table under "Measured" prints the figures of docs/benchmarks/report.md."""
    table = re.search(r"1000MB \| 4500MB \|\n(.*?)\n\n", (ROOT / name).read_text(), re.S)
    report = (ROOT / "docs/benchmarks/report.md").read_text()
    assert table is not None
    figures = [
        figure
        for row in table[1].splitlines()[1:]
        for figure in re.findall(r"\d+(?:\.\d+)?(?: %)?", "|".join(row.split("|")[2:]))
    ]
    assert len(figures) > 30
    for figure in figures:
        assert re.search(rf"(?<![\d.]){re.escape(figure)}(?![\d.])", report), figure
