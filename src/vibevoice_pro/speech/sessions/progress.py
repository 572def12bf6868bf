"""How far a session has come: all that must be known to resume it, here or in another process."""

from __future__ import annotations

from dataclasses import dataclass, field

from vibevoice_pro.engine.pcm import BEGINNING, Checkpoint
from vibevoice_pro.speech.events import Interrupted
from vibevoice_pro.speech.sessions.opening import Opening
from vibevoice_pro.speech.sessions.replay import Replay
from vibevoice_pro.speech.sessions.script import Script


@dataclass
class Progress:
    """The state of a session that outlives its stream.

    Attributes:
        seq: number of the last message that wrote, 0 before any.
        sent: bytes handed to connections, the furthest of them.
        total: bytes of the whole, once its end has been made.
        acknowledges: whether the client says what has arrived.
        replay: the audio that is kept.
        script: the text that may still be needed.
        checkpoints: from where it can be made again: the last one before `sent`, and all behind.
        interruption: the last barge-in.
        opening: how the text begins, until its language is known.
        elsewhere: whether another process may have sent more than is known here.
    """

    seq: int = 0
    sent: int = 0
    total: int | None = None
    acknowledges: bool = False
    replay: Replay = field(default_factory=Replay)
    script: Script = field(default_factory=Script)
    checkpoints: list[Checkpoint] = field(default_factory=lambda: [BEGINNING])
    interruption: Interrupted | None = None
    opening: Opening = field(default_factory=Opening)
    elsewhere: bool = False

    @classmethod
    def from_offset(cls, offset: int, origin: Checkpoint) -> Progress:
        """Of a session that a server has forgotten: its text comes again from `origin` on, and the
        listener has the audio up to `offset`."""
        replay = Replay(max(offset, origin.byte), origin.at)
        return cls(
            sent=replay.start, replay=replay, script=Script(origin.at), checkpoints=[origin],
            opening=Opening(settled=offset > 0),  # the listener has been told
        )  # fmt: skip

    @property
    def size(self) -> int:
        """Memory that it takes, in bytes."""
        return len(self.replay) + self.script.size
