"""Where a session stands."""

from __future__ import annotations

import enum


class State(enum.Enum):
    """Where a session stands.

    ```
                    attach                 detach
        (opened) ──────────► HEARD ───────────────────► LOST ──── park ───► PARKED
                               ▲  ▲                       │                    │
                               │  └───────── attach ──────┘                    │
                               └──────────── attach (the stream is made anew) ─┘
        HEARD ── attach of a newer connection ──► HEARD, the older one is evicted
        any ── close, or LOST and PARKED: after the time to live ──► GONE
    ```
    """

    HEARD = "a connection listens"
    LOST = "no connection; the stream goes on until its lead is used up"
    PARKED = "no connection, and the stream gave its place to somebody else"
    GONE = "over for good"
