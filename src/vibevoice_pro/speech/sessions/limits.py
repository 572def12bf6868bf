"""How long and how much a session keeps."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vibevoice_pro.audio.frames import SAMPLE_BYTES, frame_bytes

BURST = 50
"""Frames handed out together, before others get a turn."""


@dataclass(frozen=True)
class Limits:
    """How long and how much a session keeps.

    Attributes:
        ttl: seconds it lives without a connection.
        replay_seconds, replay_bytes: audio kept for a replay, whichever is less.
    """

    ttl: float
    replay_seconds: float
    replay_bytes: int

    def less(self) -> Limits:
        """For a session that begins while memory is short."""
        return replace(self, replay_bytes=self.replay_bytes // 4)

    def keep(self, rate: int) -> int:
        """Bytes kept at a sample rate: whole frames, at least one burst."""
        size = frame_bytes(rate)
        most = min(self.replay_bytes, int(self.replay_seconds * rate * SAMPLE_BYTES))
        return max(most // size, BURST) * size
