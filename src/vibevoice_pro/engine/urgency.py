"""What a step of a stream is good for."""

from __future__ import annotations

import enum


class Urgency(enum.IntEnum):
    """How much the next step of a stream is needed, the most urgent first."""

    WAITING = 0  # somebody waits for the first sound
    PLAYING = 1  # somebody listens, and would run dry
    BACKGROUND = 2  # bulk, what is made only to be dropped, and text that gives no sound
