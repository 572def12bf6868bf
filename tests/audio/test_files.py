"""Audio files whose format is told by their name, decoded again."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.hearing import decoded, samples
from vibevoice_pro.audio.files import ENDINGS, format_of, writing
from vibevoice_pro.audio.formats import FORMATS

RATE = 24_000
TIME = np.arange(2 * RATE + 123) / RATE
CHIRP = np.sin(2 * np.pi * (200 * TIME + 200 * TIME**2))  # 200 Hz to 1000 Hz
PCM = (9000 * CHIRP).astype("<i2").tobytes()


def write(file: io.IOBase, name: str) -> None:
    with writing(file, name, RATE) as sink:  # type: ignore[arg-type]
        for place in range(0, len(PCM), 960):
            sink.write(PCM[place : place + 960])


@pytest.mark.parametrize("ending", [e for e in ENDINGS if ENDINGS[e] != "pcm"])
def test_a_file_holds_all_and_tells_its_length(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"Speech{ending.upper()}"
    name = format_of(path)
    assert name is not None
    with path.open("wb") as file:
        write(file, name)
    heard, said = decoded(path, RATE), samples(PCM)
    padding = 2048 if name in {"aac", "m4a"} else 0 if name in {"wav", "flac", "mp3"} else 480
    assert 0 <= len(heard) - len(said) <= padding
    likeness = np.correlate(heard[: len(said)], said[2400:-2400])
    assert abs(int(likeness.argmax()) - 2400) <= 24, "the same sound at the same place, to 1 ms"
    assert likeness.max() > 0.9 * np.sum(said[2400:-2400] ** 2)
    with av.open(str(path)) as opened:
        told = opened.duration
    if name != "aac":  # ADTS is a stream without a header: players estimate
        assert told == pytest.approx(1e6 * len(said) / RATE, abs=50_000)


def test_raw_is_the_samples(tmp_path: Path) -> None:
    with (tmp_path / "a.raw").open("wb") as file:
        write(file, "pcm")
    assert (tmp_path / "a.raw").read_bytes() == PCM


class Pipe(io.RawIOBase):
    """Cannot seek, and tells what came when."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.data += data
        return len(data)


@pytest.mark.parametrize("name", sorted({*ENDINGS.values()}))
def test_into_a_pipe_it_goes_while_it_is_made(name: str) -> None:
    pipe = Pipe()
    with writing(pipe, name, RATE) as sink:  # type: ignore[arg-type]
        sink.write(PCM[:48_000])
        early = len(pipe.data)
        sink.write(PCM[48_000:])
    if name != "m4a":  # each fragment holds what came since the one before
        assert early > 0
    if name != "pcm":
        assert len(decoded(pipe.data, RATE)) == pytest.approx(len(TIME), abs=2100)


def test_every_ending_has_a_format() -> None:
    assert {*ENDINGS.values()} <= {*FORMATS}
    assert format_of(Path("a.docx")) is None
    assert format_of(Path("mp3")) is None


def test_a_full_disk_is_told() -> None:
    for name in ("wav", "mp3", "flac"):
        with pytest.raises(OSError), open("/dev/full", "wb") as file:  # noqa: PT011
            write(file, name)
