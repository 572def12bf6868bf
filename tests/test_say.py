"""`say` with files, chapters and subtitles, in a process of its own."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import av
import pytest

from tests.support.books import write_epub
from tests.support.hearing import decoded, word_errors
from tests.test_cli import COMMAND, run

TEXT = (
    "Good morning, and welcome to the early programme. Today we talk about the weather, the news "
    "of the day, and a small town by the sea."
)
CHAPTERS = {
    "The sea": "It was a cold and quiet morning by the sea.",
    "What is it?": "Nobody in the town had ever seen the old ship.",
    "The end": "They all went home and were happy.",
}


def cues(path: Path) -> list[tuple[float, float, str]]:
    """The subtitles of a SubRip or WebVTT file: start and end in seconds, and text."""
    found = []
    for block in path.read_text().replace("WEBVTT\n\n", "").strip().split("\n\n"):
        lines = block.split("\n")
        at = next(place for place, line in enumerate(lines) if "-->" in line)
        start, end = (
            int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000
            for h, m, s, ms in re.findall(r"(\d\d):(\d\d):(\d\d)[,.](\d{3})", lines[at])
        )
        assert len(lines) - at - 1 <= 2
        assert all(len(line) <= 42 for line in lines[at + 1 :])
        found.append((start, end, " ".join(lines[at + 1 :])))
    return found


@pytest.mark.parametrize("name", ["speech.mp3", "speech.ogg", "speech.flac", "speech.m4a"])
def test_the_name_tells_the_format(name: str, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    done = run("say", "-f", "text.txt", "-o", name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert word_errors(tmp_path / name, TEXT) <= 0.05
    with av.open(str(tmp_path / name)) as opened:
        codec = opened.streams.audio[0].codec_context.name
    kind = {"mp3": "mp3", "ogg": "opus", "flac": "flac", "m4a": "aac"}[name.partition(".")[2]]
    assert kind in codec
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "text.txt"])


def test_marks_and_a_lexicon_say_how_it_is_spoken(tmp_path: Path) -> None:
    (tmp_path / "words.yaml").write_text("en:\n  vvp: friendly programme\n")
    marked = 'Good morning. <break time="1s"/> This is a vvp for everybody.'
    done = run(
        "say", marked, "--markup", "ssml", "--lexicon", "words.yaml", "-o", "a.wav", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert (
        word_errors(tmp_path / "a.wav", "Good morning. This is a friendly programme for everybody.")
        <= 0.05
    )
    refused = run("say", "Hi.", "--markup", "html", "-o", "b.wav", cwd=tmp_path)
    assert refused.returncode == 2
    assert "markup must be ssml or pauses" in refused.stderr.decode()


def test_raw_and_standard_input(tmp_path: Path) -> None:
    run("say", TEXT, "-o", "a.raw", cwd=tmp_path)
    assert run("say", "-", "-o", "-", stdin=TEXT.encode()).stdout[44:] == (
        (tmp_path / "a.raw").read_bytes()
    )
    (tmp_path / "text.txt").write_text(TEXT)
    piped = run("say", "-f", "-", "-o", "b.raw", stdin=TEXT.encode(), cwd=tmp_path)
    assert piped.returncode == 0, piped.stderr
    assert (tmp_path / "b.raw").read_bytes() == (tmp_path / "a.raw").read_bytes()


def test_subtitles_say_what_is_heard(tmp_path: Path) -> None:
    for name, stdin in (("a.srt", b""), ("b.vtt", TEXT.encode())):
        words = [TEXT] if not stdin else []
        done = run("say", *words, "-o", "a.wav", "--subtitles", name, stdin=stdin, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    shown = cues(tmp_path / "a.srt")
    assert shown == cues(tmp_path / "b.vtt")
    assert " ".join(text for _, _, text in shown) == TEXT
    assert all(end <= start for (_, end, _), (start, _, _) in itertools.pairwise(shown))
    wave = decoded(tmp_path / "a.wav", 16_000)
    for start, end, text in shown:
        assert end <= len(wave) / 16_000
        heard = wave[round(max(0, start - 0.1) * 16_000) : round((end + 0.1) * 16_000)]
        assert word_errors(heard, text) <= 0.15, text
    assert len(wave) / 16_000 - shown[-1][1] < 0.5


def test_a_book_becomes_a_file_for_each_chapter(tmp_path: Path) -> None:
    write_epub(tmp_path / "book.epub", CHAPTERS)
    arguments = "say", "-f", "book.epub", "-o", "out/", "--subtitles", "srt"
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    stems = ["01 The sea", "02 What is it", "03 The end"]
    assert sorted(path.name for path in out.iterdir()) == sorted(
        f"{stem}{ending}" for stem in stems for ending in (".mp3", ".srt")
    )
    for stem, (title, text) in zip(stems, CHAPTERS.items(), strict=True):
        assert word_errors(out / f"{stem}.mp3", f"{title}. {text}") <= 0.1
        assert " ".join(words for _, _, words in cues(out / f"{stem}.srt")) == f"{title} {text}"
    # What is there stays, what is missing is made again, and with --force all of it.
    times = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    (out / "02 What is it.srt").unlink()
    again = run(*arguments, cwd=tmp_path)
    assert b"01 The sea.mp3 is there" in again.stderr
    changed = {path.stem for path in out.iterdir() if path.stat().st_mtime_ns != times[path]}
    assert changed == {"02 What is it"}
    run(*arguments, "--force", cwd=tmp_path)
    assert all(path.stat().st_mtime_ns != times[path] for path in out.iterdir())


def test_a_folder_of_texts(tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "2 end.md").write_text("# The end\n\nGood night.")
    (texts / "1 begin.txt").write_text("Good morning.")
    (texts / "3 nothing.txt").write_text("🎉")
    done = run("say", "-f", "texts", "-o", "out", "--format", "opus", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert b"03 nothing.opus is left out: the text holds nothing" in done.stderr
    files = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in files] == ["01 begin.opus", "02 end.opus"]
    assert word_errors(files[1], "The end. Good night.") <= 0.2


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_book_goes_on(stop: signal.Signals, tmp_path: Path) -> None:
    write_epub(tmp_path / "book.epub", {"Short": "Hello there.", "Long": f"{TEXT} " * 400})
    arguments = ["say", "-f", "book.epub", "-o", "out", "--format", "wav"]
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=tmp_path, stderr=subprocess.PIPE,
        env={**os.environ, "VIBEVOICE_MODEL": "compact"},
    )  # fmt: skip
    part = tmp_path / "out" / ".02 Long.wav.part"
    try:
        for _ in range(600):
            if part.exists() and part.stat().st_size > 500_000:
                break
            time.sleep(0.05)
        process.send_signal(stop)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    visible = [p.name for p in (tmp_path / "out").iterdir() if not p.name.startswith(".")]
    assert visible == ["01 Short.wav"]
    if stop is signal.SIGINT:
        assert process.returncode == 130
        assert b"stopped; 1 of 2 chapters are in out; the same command goes on" in said
        assert not part.exists()
    write_epub(tmp_path / "book.epub", {"Short": "Hello there.", "Long": TEXT})
    done = run(*arguments, cwd=tmp_path)
    assert b"01 Short.wav is there" in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "01 Short.wav",
        "02 Long.wav",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Hello", "-o", "x.docx"], "output must end in .wav, .mp3, .opus, .ogg, .flac, .aac, "),
        (["Hello", "-o", "."], ". is a directory; give a name like ./speech.mp3"),
        (["Hello", "-o", "x.ogg", "--rate", "22050"], ".ogg is made at 8000, 16000, 24000 or 480"),
        (["Hello", "-o", "x.wav", "--subtitles", "x.txt"], "subtitles must end in .srt or .vtt"),
        (["Hello", "-o", "x.wav", "--format", "mp3"], "--format is for chapters"),
        (["Hello", "-f", "x.txt", "-o", "x.wav"], "give a text or --file, not both"),
        (["-f", "x.txt", "-o", "x.wav"], "x.txt: No such file or directory"),
        (["-f", "x.epub", "-o", "x"], "x.epub: No such file or directory"),
        (["-f", "empty", "-o", "x"], "empty holds no .txt or .md file"),
        (["-f", "texts", "-o", "x.mp3"], "a chapter is a file of its own"),
        (["-f", "texts", "-o", "-"], "chapters are written into a directory"),
        (["-f", "texts", "--play"], "chapters are written into a directory"),
        (["-f", "texts", "-o", "a-file"], "a-file is a file; chapters need a directory"),
        (["-f", "texts", "-o", "x", "--format", "doc"], "format must be wav, mp3, opus, "),
        (["-f", "texts", "-o", "x", "--subtitles", "x.txt"], "subtitles of chapters are srt or"),
        (["-f", "texts/a.txt", "-o", "x.mp3"], "the text is empty"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").touch()
    (tmp_path / "a-file").touch()
    before = sorted(tmp_path.rglob("*"))
    done = run("say", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert f"error: {message}" in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


# --- what a shell completes -----------------------------------------------------------------------


def completed(words: str, shell: str = "fish") -> list[str]:
    """What Typer's completion answers for a command line."""
    environment = {
        "_VIBEVOICE_PRO_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args", "_TYPER_COMPLETE_WORD_TO_COMPLETE": "",
        "VIBEVOICE_HOME": "/no/such/folder",
    }  # fmt: skip
    code = "from vibevoice_pro.cli import app; app(prog_name='vibevoice-pro')"
    done = subprocess.run(
        [COMMAND[0], "-c", code], capture_output=True, text=True, timeout=60,
        env={**os.environ, **environment},
    )  # fmt: skip
    return [line.split("\t")[0] for line in done.stdout.splitlines()]


def test_completion() -> None:
    assert "say" in completed("vibevoice-pro s")
    assert completed("vibevoice-pro say --voice en-") == ["en-Heart_woman"]
    assert completed("vibevoice-pro serve --model co") == ["compact"]
    assert completed("vibevoice-pro serve --model auto,ko") == ["auto,kokoro"]
    assert completed("vibevoice-pro say --format m") == ["mp3", "m4a"]
    assert completed("vibevoice-pro try o") == ["openai"]
    assert "--install-completion" in run("--help").stdout.decode()
