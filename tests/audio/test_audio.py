"""Resampling, frames and WAV: exact counts, no seam, no drift."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest

from vibevoice_pro.audio.encode import WavWriter, wav_header
from vibevoice_pro.audio.frames import RATES, frame_bytes, to_pcm16
from vibevoice_pro.audio.resample import Resampler


def sweep(seconds: float, rate: int = 24000) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (100 * t + 300 * t * t))).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_resampled_in_chunks_is_the_whole(rate: int) -> None:
    signal = sweep(3.0)
    whole = Resampler(24000, rate)(signal, last=True)
    rng = np.random.default_rng(1)
    cuts = np.sort(rng.integers(0, len(signal), 40))
    chunked = Resampler(24000, rate)
    parts = [chunked(p) for p in np.split(signal, cuts)]
    parts.append(chunked(signal[:0], last=True))
    joined = np.concatenate(parts)
    assert len(whole) == len(joined) == round(len(signal) * rate / 24000)
    np.testing.assert_allclose(joined, whole, atol=1e-6)


def test_resampling_keeps_the_signal_and_its_place() -> None:
    signal = sweep(2.0)
    out = Resampler(24000, 16000)(signal, last=True)
    expected = sweep(2.0, 16000)
    # The edges of the filter aside, a sweep up to 1.3 kHz comes through as it was.
    np.testing.assert_allclose(out[400:-400], expected[400:-400], atol=2e-3)


def test_ten_minutes_do_not_drift() -> None:
    resampler, total = Resampler(24000, 16000), 0
    chunk = np.zeros(24000 + 7, np.float32)
    for _ in range(600):
        total += len(resampler(chunk))
    total += len(resampler(chunk[:0], last=True))
    assert total == round(600 * len(chunk) * 16000 / 24000)


def test_frame_is_20_ms() -> None:
    assert [frame_bytes(r) for r in RATES] == [320, 640, 882, 960, 1280, 1764, 1920]


def test_loud_samples_are_clipped_not_wrapped() -> None:
    pcm = np.frombuffer(to_pcm16(np.array([0.0, 1.0, -1.0, 5.0, -5.0], np.float32)), "<i2")
    assert pcm.tolist() == [0, 32767, -32767, 32767, -32767]


def test_wav_file_has_its_true_length() -> None:
    buffer = io.BytesIO()
    with WavWriter(buffer, 16000) as writer:
        writer.write(b"\1\0" * 100)
        writer.write(b"\2\0" * 60)
    buffer.seek(0)
    with wave.open(buffer) as w:
        assert (w.getframerate(), w.getnchannels(), w.getsampwidth()) == (16000, 1, 2)
        assert w.readframes(1000) == b"\1\0" * 100 + b"\2\0" * 60


def test_wav_on_a_pipe_begins_at_once() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    pipe = Pipe()
    with WavWriter(pipe, 24000) as writer:
        writer.write(b"\1\0")
    assert pipe.getvalue() == wav_header(24000) + b"\1\0"
    assert pipe.getvalue()[40:44] == b"\xff" * 4
