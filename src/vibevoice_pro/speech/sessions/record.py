"""A session as it is written down, so that another process can go on with it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from vibevoice_pro.engine.pcm import Checkpoint, Spoken
from vibevoice_pro.engine.stream import StreamConfig
from vibevoice_pro.models.base import Options, Point
from vibevoice_pro.speech.sessions.replay import Replay
from vibevoice_pro.speech.sessions.script import Script
from vibevoice_pro.speech.sessions.session import Interruption, Session

_VERSION = 1


@dataclass
class Record:
    """What a store keeps of a session.

    Attributes:
        state: all that is small, as JSON.
        texts: what was written and may still be needed, in entries that `Changes` added.
        chunks: the audio that was sent and is kept, likewise.
    """

    state: bytes
    texts: list[bytes] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)


@dataclass
class Changes(Record):
    """What is new since a record was written: its state, entries to add behind and drop in front.

    Attributes:
        drop_texts, drop_chunks: entries to drop, the oldest first, before the new ones are added.
        first: whether nothing was written before.
    """

    drop_texts: int = 0
    drop_chunks: int = 0
    first: bool = False


class Recorder:
    """Writes down what changes in a session; what is in the record already is not written again."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._state = b""
        self._texts: list[int] = []  # where each entry of the record ends
        self._chunks: list[int] = []

    def start_over(self) -> None:
        """The record is lost: all is new."""
        self._state, self._texts, self._chunks = b"", [], []

    def changes(self) -> Changes | None:
        """What is new; None: nothing. Counts as written only with `written`."""
        session = self._session
        state = _state(session)
        if state == self._state:
            return None
        script, replay = session.script, session.replay
        texts, chunks = [], []
        written = max(self._texts[-1] if self._texts else 0, script.start)
        if written < script.end:
            texts = [_entry({"start": written}, script.text[written - script.start :].encode())]
        kept = max(self._chunks[-1] if self._chunks else 0, replay.start)
        last = min(session.sent, replay.end)  # what was not sent yet may still be cancelled
        if kept < last:
            spoken = [(*mark.chars, *mark.bytes) for mark in replay.spoken(kept, last)]
            head = {"start": kept, "spoken": spoken}
            chunks = [_entry(head, replay.read(kept, last))]
        return Changes(
            state, texts, chunks,
            drop_texts=sum(end <= script.start for end in self._texts),
            drop_chunks=sum(end <= replay.start for end in self._chunks),
            first=not self._state,
        )  # fmt: skip

    def unchanged(self) -> Changes:
        """The record as it is: nothing to add or drop."""
        return Changes(self._state)

    def written(self, changes: Changes) -> None:
        """The changes are in the record now."""
        self._state = changes.state
        self._texts = self._texts[changes.drop_texts :]
        self._chunks = self._chunks[changes.drop_chunks :]
        for ends, entries in ((self._texts, changes.texts), (self._chunks, changes.chunks)):
            for entry in entries:
                head, body = _parts(entry)
                size = len(body) if ends is self._chunks else len(body.decode())
                ends.append(head["start"] + size)

    def restore(self, record: Record) -> None:
        """Bring a new session to where the recorded one was; it has no stream then.

        Raises:
            ValueError, KeyError: the record is of another version.
        """
        session, state = self._session, json.loads(record.state)
        if state["version"] != _VERSION:
            raise ValueError(f"session record of version {state['version']}")
        session.seq = state["seq"]
        session.sent = state["sent"]
        session.acknowledges = state["acknowledges"]
        session.checkpoints = [_checkpoint(*c) for c in state["checkpoints"]]
        session.total = state["total"]
        if state["interruption"] is not None:
            session.interruption = Interruption(**state["interruption"])
        session.replay = _replay(record.chunks, state["replay_start"], state["spoken_before"])
        texts = [_parts(entry) for entry in record.texts]
        start = texts[0][0]["start"] if texts else state["script_start"]
        session.script = Script(
            start, "".join(body.decode() for _, body in texts), state["cuts"], state["finished"]
        )
        session.script.forget(state["script_start"])
        session.restored = True
        self.written(Changes(record.state, record.texts, record.chunks))


def config_of(record: Record, base: StreamConfig) -> tuple[str, StreamConfig]:
    """Owner and stream of a recorded session; what a client has no say in is as in `base`."""
    state = json.loads(record.state)
    options = Options(**state["options"])
    return state["owner"], replace(base, options=options, **state["config"])


def _state(session: Session) -> bytes:
    total = session.total if session.total == session.sent else None
    state = {
        "version": _VERSION,
        "owner": session.owner,
        "config": {name: getattr(session.config, name) for name in ("voice", "rate", "patience")},
        "options": asdict(session.config.options),
        "seq": session.seq,
        "sent": min(session.sent, session.replay.end),
        "acknowledges": session.acknowledges,
        "checkpoints": [
            (c.byte, c.at, c.point and (c.point.at, c.point.state))
            for c in session.checkpoints
            if c.byte <= min(session.sent, session.replay.end)
        ],
        "total": total,
        "interruption": session.interruption and asdict(session.interruption),
        "replay_start": session.replay.start,
        "spoken_before": session.replay.spoken_before,
        "script_start": session.script.start,
        "script_end": session.script.end,
        "cuts": session.script.cuts,
        "finished": session.script.finished,
    }
    return json.dumps(state).encode()


def _checkpoint(byte: int, at: int, point: tuple[int, dict[str, Any]] | None) -> Checkpoint:
    return Checkpoint(byte, at, point and Point(*point))


def _replay(chunks: list[bytes], start: int, spoken_before: int) -> Replay:
    entries = [_parts(chunk) for chunk in chunks]
    replay = Replay(entries[0][0]["start"] if entries else start)
    for head, pcm in entries:
        replay.append(pcm)
        replay.note(Spoken((a, b), (x, y)) for a, b, x, y in head["spoken"])
    replay.trim(start)
    replay.spoken_before = max(replay.spoken_before, spoken_before)
    return replay


def _entry(head: dict[str, Any], body: bytes) -> bytes:
    return json.dumps(head).encode() + b"\n" + body


def _parts(entry: bytes) -> tuple[dict[str, Any], bytes]:
    head, _, body = entry.partition(b"\n")
    return json.loads(head), body
