"""Whether words are heard when a client was told that they are."""

from __future__ import annotations

import numpy as np

RATE = 24_000


def begins(wave: np.ndarray, at: float, rate: int = RATE) -> bool:
    """Whether it is quiet shortly before `at` seconds, and a word is heard after it."""

    def loudness(start: float, end: float) -> float:
        return float(np.sqrt((wave[max(0, int(start * rate)) : int(end * rate)] ** 2).mean()))

    return loudness(at - 0.12, at - 0.04) < 0.1 * loudness(at, at + 0.25)


def begins_near(wave: np.ndarray, at: float, rate: int = RATE) -> bool:
    """The same within 80 ms."""
    return any(begins(wave, at + late, rate) for late in (-0.08, -0.04, 0.0, 0.04, 0.08))


def check_words(words: list[tuple[str, float]], text: str, wave: np.ndarray) -> None:
    """All words came in order, each with the time at which it is heard; the first one's is what
    times are counted from."""
    assert " ".join(word for word, _ in words).split() == text.split()
    times = [time for _, time in words]
    assert times == sorted(times)
    onset = np.flatnonzero(np.abs(wave) > 0.02)[0] / RATE
    for first in ("Today", "It"):
        if first in text.split():
            place = next(time for word, time in words if word.split()[0] == first)
            assert begins_near(wave, place - times[0] + onset), first
