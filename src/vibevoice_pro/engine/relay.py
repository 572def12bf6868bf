"""An utterance that several voices speak in turn, each the text in its language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from vibevoice_pro.engine.host import Host
from vibevoice_pro.errors import ModelRestarted
from vibevoice_pro.models.base import Chunk, Mark, Options, Point, Utterance
from vibevoice_pro.text.runs import Runs, Stretch

PAUSE_S = 0.3
"""Silence between two voices."""

_AT_ONCE = 8  # stretches of text that are read in one `prepare`

Voices = Mapping[str, tuple[str, Host]]
"""ISO 639-1 code of a language to the voice that speaks it, and its model."""


@dataclass
class _Leg:
    """What one voice speaks until the next one does.

    Attributes:
        language: of its text.
        utterance: with the model that has its voice.
        start: characters of all text before those that the utterance was fed.
        fresh: whether nothing of it has been heard yet.
        over: whether no more text is for it.
    """

    language: str
    utterance: Utterance
    start: int
    fresh: bool
    over: bool = False

    def finish(self) -> None:
        """No more text is for it."""
        self.utterance.finish()
        self.over = True


class Relay:
    """Behind the contract of an `Utterance`, but its model is now this one and now that.

    A voice begins when the one before it has been made to its end, so that it holds no more than
    one utterance.

    Attributes:
        voice, host: who speaks now, or did last.
        behind: whether `prepare` has more to read before it is known what is to be spoken.
    """

    def __init__(
        self, voices: Voices, language: str, options: Options, point: Point | None = None
    ) -> None:
        """`language`: of text that does not tell; `point`: to go on from, see `SpeechModel.open`.

        Raises:
            ModelRestarted: the model that would go on is being loaded again.
        """
        self._voices = voices
        self._options = options
        self._finished = False
        self._leg: _Leg | None = None
        self._heard = False  # whether another voice was heard before this one
        self._next: Stretch | None = None  # for the next voice
        self.behind = False
        self.voice, self.host = voices[language]
        if point is None:
            self._runs = Runs([*voices], language)
            return
        language = point.state["language"]
        self._runs = Runs([*voices], language, point.at, inside=True)
        self._heard = point.state["heard"]
        if point.state["inner"] is not None:
            at, state = point.state["inner"]
            if not voices[language][1].available:
                raise ModelRestarted
            self._open(language, point.at - at, Point(at, state))

    # --- the contract -------------------------------------------------------------------------

    @property
    def stepped(self) -> Utterance:
        """What the model is stepped with; only where something is `ready`."""
        assert self._leg is not None, "the engine steps only what is ready"
        return self._leg.utterance

    def prepare(self) -> None:
        """Read on until there is something to speak; a bounded amount."""
        self.behind = all(self._read() for _ in range(_AT_ONCE))

    def _read(self) -> bool:
        """Give the next text to the voice that it is for; whether there may be more to do."""
        if self._leg is not None:
            self._leg.utterance.prepare()
            if self._leg.utterance.ready:
                return False
            if self._leg.utterance.done:
                self._close_leg()
        leg, stretch = self._leg, self._next or self._runs.next()
        if stretch is None:
            if leg is None or leg.over or not (self._finished and self._runs.empty):
                return False
            leg.finish()
            return True
        self._next = stretch
        blank = not stretch.text.strip()  # nobody begins with that
        if leg is not None and leg.language != stretch.language and not blank:
            if leg.over:
                return False
            leg.finish()
            return True
        if leg is None and not blank:
            if not self._voices[stretch.language][1].available:
                return False  # its model is being loaded again: it is waited for
            leg = self._open(stretch.language, stretch.start)
        if leg is not None:
            leg.utterance.feed(stretch.text)
            if stretch.flush:
                leg.utterance.flush()
        self._next = None
        return True

    @property
    def ready(self) -> bool:
        """Whether the next step has what it needs."""
        return self._leg is not None and self._leg.utterance.ready

    @property
    def done(self) -> bool:
        """Whether the text is complete and spoken."""
        read = self._finished and self._next is None and self._runs.empty
        return read and (self._leg is None or self._leg.utterance.done)

    @property
    def waiting(self) -> int:
        """Characters not spoken yet."""
        given = self._leg.utterance.waiting if self._leg else 0
        return given + (len(self._next.text) if self._next else 0) + self._runs.waiting

    def feed(self, text: str) -> None:
        """Add text."""
        self._runs.feed(text)

    def flush(self) -> None:
        """Speak all there is."""
        self._runs.flush()

    def pause(self) -> int | None:
        """Speak the whole words there are."""
        if self._next is not None:
            return None
        return self._runs.pause(unspoken=self._leg is not None and self._leg.utterance.waiting > 0)

    def finish(self) -> None:
        """The text is complete."""
        self._runs.flush()
        self._finished = True

    def close(self) -> None:
        """Give back what the voice that speaks holds."""
        if self._leg is not None:
            self._close_leg()

    # --- the voices ---------------------------------------------------------------------------

    def _open(self, language: str, start: int, point: Point | None = None) -> _Leg:
        """Let the voice of a language begin."""
        self.voice, self.host = self._voices[language]
        utterance = self.host.model.open(self.voice, self._options, point)
        self._leg = _Leg(language, utterance, start, fresh=point is None)
        return self._leg

    def _close_leg(self) -> None:
        leg, self._leg = self._leg, None
        assert leg is not None
        self._heard = self._heard or not leg.fresh
        leg.utterance.close()

    def heard(self, chunk: Chunk) -> Chunk:
        """What a step has made, its places counted in all of the text.

        Where a voice begins there is a point to resume from, and before it silence, if another one
        was heard before.
        """
        leg, point = self._leg, chunk.point
        assert leg is not None
        silence = np.zeros(0, np.float32)
        if not leg.fresh:
            point = point and Point(leg.start + point.at, self._state(leg, point))
        elif chunk.wave.size:
            leg.fresh = False
            point = Point(leg.start, self._state(leg, None))
            if self._heard:
                silence = np.zeros(round(PAUSE_S * self.host.model.info.sample_rate), np.float32)
        else:
            point = None
        marks = [_moved(mark, leg.start, len(silence)) for mark in chunk.marks]
        wave = np.concatenate([silence, chunk.wave])
        return replace(chunk, wave=wave, marks=marks, point=point)

    def _state(self, leg: _Leg, point: Point | None) -> dict[str, object]:
        inner = None if point is None else (point.at, point.state)
        return {"language": leg.language, "heard": self._heard, "inner": inner}


def _moved(mark: Mark, chars: int, samples: int) -> Mark:
    """A mark, so many characters and samples later."""
    (a, b), (x, y) = mark.chars, mark.samples
    return Mark((a + chars, b + chars), (x + samples, y + samples))
