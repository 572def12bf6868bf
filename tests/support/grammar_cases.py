"""The cases of NeMo text processing, and how many of them are read right.

`python -m tests.support.grammar_cases` prints the table of `docs/reading.md`.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

from vibevoice_pro.text.reading.words import load, readable

DATA = Path(__file__).parent.parent / "text" / "data"
LANGUAGES = ("de", "en", "es", "fr", "it", "ja", "ko", "pt")


def cases(language: str) -> list[tuple[str, list[str]]]:
    """What is written, with each way to say it."""
    lines = (DATA / "nemo" / f"{language}.txt").read_text("utf-8").splitlines()
    return [(written, said) for written, *said in (line.split("~") for line in lines)]


def otherwise() -> dict[tuple[str, str], str]:
    """What is said deliberately for what is written in a language."""
    lines = (DATA / "nemo" / "otherwise.tsv").read_text("utf-8").splitlines()
    return {(language, written): said for language, written, said, _ in map(_fields, lines)}


def _fields(line: str) -> list[str]:
    return line.split("\t")


def letters(said: str, language: str) -> str:
    """What is compared: the letters alone, in English without `and`, `the` and `of`."""
    said = unicodedata.normalize("NFC", said.lower())
    if language == "en":
        said = re.sub(r"\b(?:and|the|of)\b", " ", said)
    return "".join(char for char in said if char.isalpha())


def is_right(written: str, ways: list[str], language: str) -> bool:
    """Whether it is read in one of these ways."""
    said = letters(readable(written, language)[0], language)
    return said in [letters(way, language) for way in ways]


def _measure(language: str) -> str:
    """A line of the table, measured in a process of its own."""
    readable("nothing to read", language)  # what all languages share
    before, began = _memory(), time.perf_counter()
    load(language)
    loading, memory = time.perf_counter() - began, _memory() - before
    right, times = 0, []
    for written, ways in cases(language):
        began = time.perf_counter()
        readable(written, language)
        times.append((time.perf_counter() - began) * 1000)
        right += is_right(written, ways, language)
    deliberate = sum(key[0] == language for key in otherwise())
    p50, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    return (
        f"| {language} | {len(times)} | {100 * right / len(times):.1f} | {deliberate} "
        f"| {p50:.2f} | {p95:.1f} | {loading:.2f} | {memory:.0f} |"
    )


def _memory() -> float:
    """Resident memory in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(_measure(sys.argv[1]))
    else:
        for code in LANGUAGES:
            subprocess.run([sys.executable, "-m", "tests.support.grammar_cases", code], check=True)
