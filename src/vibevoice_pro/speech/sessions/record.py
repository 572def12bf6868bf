"""A session as it is saved, so that another process can resume it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from vibevoice_pro.engine.pcm import Checkpoint, Span
from vibevoice_pro.models.base import Options, Point
from vibevoice_pro.speech.events import Interrupted
from vibevoice_pro.speech.sessions.opening import Opening
from vibevoice_pro.speech.sessions.progress import Progress
from vibevoice_pro.speech.sessions.replay import Replay
from vibevoice_pro.speech.sessions.script import Script
from vibevoice_pro.speech.sessions.session import Session

_VERSION = 1
_SAVED = ("voice", "voices", "rate", "patience")  # of a `StreamConfig`
_SAVED_IF = ("markup", "lexicon")  # only where there is any


@dataclass
class Record:
    """What a store keeps of a session.

    Attributes:
        state: all that is small, as JSON.
        texts: the text that may still be needed, in entries that `Changes` added.
        chunks: the audio that was sent and is kept, likewise.
    """

    state: bytes
    texts: list[bytes] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)


@dataclass
class Changes(Record):
    """What is new since a record was saved: its state, entries to add behind and drop in front.

    Attributes:
        drop_texts, drop_chunks: entries to drop, the oldest first, before the new ones are added.
        first: whether nothing was saved before.
    """

    drop_texts: int = 0
    drop_chunks: int = 0
    first: bool = False


class Recorder:
    """Knows what of a session is in its record, and tells what has changed since."""

    def __init__(self, record: Record | None = None) -> None:
        """`record`: what the store has of it already."""
        self._state = b""
        self._texts: list[int] = []  # where each entry of the record ends
        self._chunks: list[int] = []
        if record is not None:
            self.saved(Changes(record.state, record.texts, record.chunks))

    def start_over(self) -> None:
        """The record is lost: everything is new."""
        self._state, self._texts, self._chunks = b"", [], []

    def changes(self, session: Session) -> Changes | None:
        """What is new; None: nothing. Counts as saved only with `saved`."""
        progress = session.progress
        state = _state(session)
        if state == self._state:
            return None
        script, replay = progress.script, progress.replay
        texts, chunks = [], []
        begin = max(self._texts[-1] if self._texts else 0, script.start)
        if begin < script.end:
            texts = [_entry({"start": begin}, script.text[begin - script.start :].encode())]
        begin = max(self._chunks[-1] if self._chunks else 0, replay.start)
        last = min(progress.sent, replay.end)  # what was not sent yet may still be cancelled
        if begin < last:
            spans = [(*span.chars, *span.bytes, span.voice) for span in replay.spans(begin, last)]
            chunks = [_entry({"start": begin, "spoken": spans}, replay.read(begin, last))]
        return Changes(
            state, texts, chunks,
            drop_texts=sum(end <= script.start for end in self._texts),
            drop_chunks=sum(end <= replay.start for end in self._chunks),
            first=not self._state,
        )  # fmt: skip

    def unchanged(self) -> Changes:
        """The record as it is: nothing to add or drop."""
        return Changes(self._state)

    def saved(self, changes: Changes) -> None:
        """The changes are in the record now."""
        self._state = changes.state
        self._texts = self._texts[changes.drop_texts :]
        self._chunks = self._chunks[changes.drop_chunks :]
        for ends, entries in ((self._texts, changes.texts), (self._chunks, changes.chunks)):
            for entry in entries:
                head, body = _split(entry)
                size = len(body) if ends is self._chunks else len(body.decode())
                ends.append(head["start"] + size)


def progress_of(record: Record) -> Progress:
    """How far the recorded session had come.

    Raises:
        ValueError, KeyError: the record is of another version.
    """
    state = json.loads(record.state)
    if state["version"] != _VERSION:
        raise ValueError(f"session record of version {state['version']}")
    texts = [_split(entry) for entry in record.texts]
    start = texts[0][0]["start"] if texts else state["script_start"]
    script = Script(
        start, "".join(body.decode() for _, body in texts), state["cuts"], state["finished"]
    )
    script.forget(state["script_start"])
    told = state["interruption"]
    return Progress(
        seq=state["seq"],
        sent=state["sent"],
        total=state["total"],
        acknowledges=state["acknowledges"],
        replay=_replay(record.chunks, state["replay_start"], state["spoken_before"]),
        script=script,
        checkpoints=[_checkpoint(*c) for c in state["checkpoints"]],
        interruption=told and Interrupted(told["sent"], told["spoken"], told["final"]),
        opening=Opening(**state["opening"]) if "opening" in state else Opening(settled=True),
        elsewhere=True,
    )


def settings_of(record: Record) -> tuple[str, dict[str, Any]]:
    """Owner of a recorded session, and the fields of its `StreamConfig` that it was opened with."""
    state = json.loads(record.state)
    config = state["config"]
    for name in {"voices", "lexicon"} & config.keys():
        config[name] = tuple((key, value) for key, value in config[name])
    return state["owner"], {**config, "options": Options(**state["options"])}


def _state(session: Session) -> bytes:
    progress = session.progress
    replay, script, told = progress.replay, progress.script, progress.interruption
    sent = min(progress.sent, replay.end)
    state = {
        "version": _VERSION,
        "owner": session.owner,
        "config": {name: getattr(session.config, name) for name in _SAVED}
        | {name: value for name in _SAVED_IF if (value := getattr(session.config, name))},
        "options": asdict(session.config.options),
        "seq": progress.seq,
        "sent": sent,
        "acknowledges": progress.acknowledges,
        "checkpoints": [
            (c.byte, c.at, c.point and (c.point.at, c.point.state))
            for c in progress.checkpoints
            if c.byte <= sent
        ],
        "total": progress.total if progress.total == progress.sent else None,
        "interruption": told
        and {"sent": told.bytes, "spoken": told.spoken_chars, "final": told.final},
        "opening": asdict(progress.opening),
        "replay_start": replay.start,
        "spoken_before": replay.chars_before,
        "script_start": script.start,
        "script_end": script.end,
        "cuts": script.cuts,
        "finished": script.finished,
    }
    return json.dumps(state).encode()


def _checkpoint(byte: int, at: int, point: tuple[int, dict[str, Any]] | None) -> Checkpoint:
    return Checkpoint(byte, at, point and Point(*point))


def _replay(chunks: list[bytes], start: int, chars_before: int) -> Replay:
    entries = [_split(chunk) for chunk in chunks]
    replay = Replay(entries[0][0]["start"] if entries else start)
    for head, pcm in entries:
        replay.append(pcm)
        replay.note(Span((a, b), (x, y), *voice) for a, b, x, y, *voice in head["spoken"])
    replay.trim(start)
    replay.chars_before = max(replay.chars_before, chars_before)
    return replay


def _entry(head: dict[str, Any], body: bytes) -> bytes:
    return json.dumps(head).encode() + b"\n" + body


def _split(entry: bytes) -> tuple[dict[str, Any], bytes]:
    head, _, body = entry.partition(b"\n")
    return json.loads(head), body
