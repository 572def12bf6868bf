"""Where subtitles end, how their lines are broken, and their files."""

from __future__ import annotations

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from vibevoice_pro.text.languages import language_of
from vibevoice_pro.text.subtitles import COLUMNS, FORMATS, Cue, Subtitles

TEXT = (
    "Good morning, and welcome to the early programme. Today we talk about the weather, the news "
    "of the day, and a small town by the sea — Dr. Smith knows it **well**. Is it far?\n\nNo. "
)


def cues_of(text: str, language: str = "en", word_s: float = 0.4) -> list[Cue]:
    """Each word takes as long, with a quarter of that as silence behind it."""
    subtitles, cues, last = Subtitles(language_of(language)), [], 0
    for number, match in enumerate(re.finditer(r"[^\s—]+", text)):
        gap, start = text[last : match.start()], number * word_s
        cues += subtitles.add(gap, match.group(), start, start + 0.75 * word_s)
        last = match.end()
    return cues + subtitles.end()


def test_they_end_where_sentences_and_clauses_do() -> None:
    assert [" ".join(cue.lines) for cue in cues_of(TEXT)] == [
        "Good morning, and welcome to the early programme.",
        "Today we talk about the weather,",
        "the news of the day, and a small town by the sea — Dr. Smith knows it well.",
        "Is it far?",
        "No.",
    ]


def test_times_are_those_of_the_words() -> None:
    cues = cues_of(TEXT)
    words = re.findall(r"[^\s—]+", TEXT)
    assert cues[0].start == 0
    assert cues[-1].end == (len(words) - 1) * 0.4 + 0.75 * 0.4
    for cue, following in itertools.pairwise(cues):
        assert cue.start < cue.end <= following.start


def test_silence_parts_them() -> None:
    subtitles = Subtitles(language_of("en"))
    assert subtitles.add("", "Wait", 0.0, 0.5) == []
    assert subtitles.add(" ", "for", 3.0, 3.2) == [Cue(0.0, 0.5, ("Wait",))]


def test_wide_characters_take_two_columns() -> None:
    subtitles, cues = Subtitles(language_of("ja")), []
    for number in range(60):
        cues += subtitles.add("", "日本", number * 0.3, number * 0.3 + 0.3)
    cues += subtitles.end()
    assert "".join(line for cue in cues for line in cue.lines) == "日本" * 60
    assert max(len(line) for cue in cues for line in cue.lines) <= COLUMNS // 2


@given(st.lists(st.text("ab,.!—\n", min_size=1, max_size=60), max_size=150))
def test_any_words(words: list[str]) -> None:
    cues = cues_of(" ".join(words))
    for cue in cues:
        assert 1 <= len(cue.lines) <= 2
        assert all(len(line) <= COLUMNS or " " not in line for line in cue.lines)
    assert all(a.end <= b.start for a, b in itertools.pairwise(cues))
    shown = "".join(line for cue in cues for line in cue.lines)
    said = "".join(re.findall(r"[^\s—]", " ".join(words)))
    assert re.sub(r"[\s—]", "", shown) == said


def test_files() -> None:
    cue = Cue(3725.0, 3726.0016, ("a <b> & c", "--> d"))
    assert FORMATS[".srt"].cue(3, cue) == "3\n01:02:05,000 --> 01:02:06,002\na <b> & c\n→ d\n\n"
    assert FORMATS[".vtt"].header == "WEBVTT\n\n"
    assert FORMATS[".vtt"].cue(3, cue) == (
        "01:02:05.000 --> 01:02:06.002\na &lt;b&gt; &amp; c\n--&gt; d\n\n"
    )
