"""An utterance whose text says how it is to be spoken: marks, a lexicon.

What is written goes through `Markup`; what is said goes to an utterance of the model, which knows
nothing of it. A pause or another pace ends that utterance, and the next one begins; so every model
can have them. Where its marks and its points lie in the text as it is written is kept here for what
is in flight. A point holds, beside the model's own, the elements that are open there: so a session
is resumed from the text as it is written, and nothing else has to be saved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vibevoice_pro.audio.resample import Waveform
from vibevoice_pro.engine.host import Host
from vibevoice_pro.engine.leg import Leg
from vibevoice_pro.models.base import Chunk, Mark, Options, Phonetic, Point, Utterance
from vibevoice_pro.text.boundaries import Cut
from vibevoice_pro.text.lexicon import Lexicon
from vibevoice_pro.text.markup import Markup
from vibevoice_pro.text.steps import Break, Elements, Flush, Odd, Said, Step, pace_of

MAX_WARNINGS = 16
"""Things not done that a listener is told of, for each utterance."""

_GAPS_S = {Cut.WORD: 0.1, Cut.CLAUSE: 0.28, Cut.SENTENCE: 0.5, Cut.PARAGRAPH: 0.87}
"""Silence between two utterances of another pace, in seconds: as long as between two pieces."""

_QUIET = 10 ** (-50 / 20)  # amplitude; what is not louder is silence
_AT_ONCE = 16  # steps of text that are read in one `prepare`


class Controlled:
    """Behind the contract of an `Utterance`, though what is stepped is one within.

    Attributes:
        host: of the model.
        voice: empty: there is only one.
        behind: whether `prepare` has more to read before it is known what is to be spoken.
    """

    def __init__(
        self, host: Host, voice: str, options: Options, markup: str, lexicon: Lexicon,
        point: Point | None = None,
    ) -> None:  # fmt: skip
        """`point`: to go on from, see `SpeechModel.open`."""
        model = host.model
        language = model.voices[voice].language.lower().split("-")[0]
        self.host = host
        self.voice = ""
        self.behind = False
        self._id = voice
        self._options = options
        self._language = language
        self._paced = not model.info.knobs["speed"].reason
        self._phonetic = model if isinstance(model, Phonetic) else None
        self._finished = False
        self._leg: Leg | None = None
        self._next: Step | None = None
        self._gap: float | None = None  # seconds of silence before the next leg
        self._quiet = 0  # samples of silence at the end of what was heard
        self._told: set[str] = set()
        self._warnings: list[str] = []
        if point is None:
            self._text = Markup(markup, language, lexicon)
            return
        elements: Elements = tuple((name, pace) for name, pace in point.state["elements"])
        self._text = Markup(markup, language, lexicon, point.at, elements)
        self._gap, self._quiet = point.state["gap"], point.state["quiet"]
        if point.state["inner"] is not None:
            at, state = point.state["inner"]
            leg = self._open(pace_of(elements), Point(at, state))
            leg.fed, leg.fresh = at, False

    def _open(self, pace: float, point: Point | None = None) -> Leg:
        speed = self._options.speed
        if self._paced:
            knob = self.host.model.info.knobs["speed"]
            speed = min(knob.maximum, max(knob.minimum, speed * pace))
            if speed != self._options.speed * pace:
                self._warn(f"the pace is from {knob.minimum:g} to {knob.maximum:g}, with speed")
        options = replace(self._options, speed=speed)
        self._leg = Leg(self.host.model.open(self._id, options, point), pace, self._gap)
        self._gap = None
        return self._leg

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
        """Carry out the next step of the text; whether there may be more to do."""
        if self._leg is not None:
            self._leg.utterance.prepare()
            if self._leg.utterance.ready:
                return False
            if self._leg.utterance.done:
                self.close()
        if self._next is None:
            self._next = self._text.next()
        leg, step = self._leg, self._next
        if step is None:
            if not self._finished or not self._text.empty:
                return False
            if leg is None and self._gap is not None:
                self._warn("a break at the end of the text is not heard")
            if leg is None or leg.over:
                return False
            leg.finish()
            return True
        if self._parts(step):
            if leg is not None:
                if leg.over:
                    return False  # its end is made first
                if not isinstance(step, Break):
                    self._gap = _GAPS_S[leg.cut]
                leg.finish()
                return True
            if isinstance(step, Break):
                self._gap = max(self._gap or 0.0, step.seconds)
        self._next = None
        if isinstance(step, Odd):
            self._warn(step.message)
        elif isinstance(step, Flush) and leg is not None:
            leg.utterance.flush()
        elif isinstance(step, Said):
            self._say(step)
        return True

    def _parts(self, step: Step) -> bool:
        """Whether what was said before ends with a step."""
        if not isinstance(step, Said):
            return isinstance(step, Break)
        if not step.text.strip() or self._leg is None or step.pace == self._leg.pace:
            return False
        if not self._paced:
            self._warn(f"the voice {self._id} has no other pace: <prosody rate> has no effect")
        return self._paced

    def _say(self, said: Said) -> None:
        text = said.text
        if said.phonemes:
            text = self._pronounced(said)
        leg = self._leg
        if leg is None:
            bare = text.lstrip()
            if not bare or said.begin is None:
                return  # nobody begins with white space, or with the end of a sentence
            if said.exact:
                start = said.chars[0] + len(text) - len(bare)
                said = replace(said, chars=(start, said.chars[1]), begin=start)
            leg, text = self._open(said.pace), bare
            if said.pace != 1 and not self._paced:
                self._warn(f"the voice {self._id} has no other pace: <prosody rate> has no effect")
        leg.feed(text, said)

    def _pronounced(self, said: Said) -> str:
        if self._phonetic is None:
            self._warn(f"the voice {self._id} takes no phonemes; the words were read as written")
            return said.text
        try:
            return self._phonetic.pronounced(said.text, said.phonemes)
        except ValueError as error:
            self._warn(f"{error}; {said.text[:40]!r} was read as written")
            return said.text

    @property
    def ready(self) -> bool:
        """Whether the next step has what it needs."""
        return self._leg is not None and self._leg.utterance.ready

    @property
    def done(self) -> bool:
        """Whether the text is complete and spoken."""
        read = self._finished and self._next is None and self._text.empty
        return read and (self._leg is None or self._leg.utterance.done)

    @property
    def waiting(self) -> int:
        """Characters not spoken yet."""
        given = self._leg.utterance.waiting if self._leg else 0
        return given + (self._next is not None) + self._text.waiting

    def feed(self, text: str) -> None:
        """Add text."""
        self._text.feed(text)

    def flush(self) -> None:
        """Speak all there is."""
        self._text.flush()

    def pause(self) -> int | None:
        """Speak the whole words there are."""
        if self._next is not None:
            return None
        place = self._text.pause()
        if place is not None:
            return place
        leg = self._leg
        if leg is None or leg.over or not leg.utterance.waiting:
            return None
        last = leg.stretches[-1]
        if self._text.holds or not last.said.exact:
            # What was given ends with whole words.
            leg.utterance.flush()
            return last.cut_after(last.end)
        if leg.glued:
            return None  # the last whole word may be one that is not so written
        place = leg.utterance.pause()
        return None if place is None else leg.at(place - 1).cut_after(place)

    def finish(self) -> None:
        """The text is complete."""
        self._text.finish()
        self._finished = True

    def close(self) -> None:
        """Give back what the utterance within holds."""
        leg, self._leg = self._leg, None
        if leg is not None:
            leg.utterance.close()

    # --- what was made ------------------------------------------------------------------------

    def heard(self, chunk: Chunk) -> Chunk:
        """What a step has made, its places counted in the text as it is written."""
        leg, wave, silence = self._leg, chunk.wave, 0
        assert leg is not None
        point = chunk.point
        if leg.fresh:
            point = None
            if wave.size:
                leg.fresh = False
                assert leg.origin is not None
                point = self._point(leg, leg.origin, None)
                silence = self._silence(leg, wave)
        elif point is not None:
            stretch = leg.at(point.at)
            said = stretch.said
            if said.exact:
                said = replace(said, begin=stretch.place(point.at))
            whole = said.exact or point.at == stretch.start
            point = self._point(leg, said, point) if whole else None
        marks = self._marks(leg, chunk.marks, silence)
        if wave.size:
            self._quiet = _quiet(wave[::-1])
            wave = np.concatenate([np.zeros(silence, np.float32), wave])
        return replace(chunk, wave=wave, marks=marks, point=point)

    def _silence(self, leg: Leg, wave: Waveform) -> int:
        """Samples of silence to put before a leg that begins with `wave`."""
        if leg.gap is None:
            return 0
        wanted = round(leg.gap * self.host.model.info.sample_rate)
        return max(0, wanted - self._quiet - _quiet(wave))

    def _point(self, leg: Leg, said: Said, inner: Point | None) -> Point | None:
        """Where speech can be resumed: at the begin of `said`; of the leg, if `inner` is None."""
        if said.begin is None:
            return None
        fresh = inner is None
        state = {
            "elements": said.elements,
            "gap": leg.gap if fresh else None,
            "quiet": self._quiet if fresh else 0,
            "inner": None if inner is None else (inner.at, inner.state),
        }
        return Point(said.begin, state)

    def _marks(self, leg: Leg, marks: Sequence[Mark], silence: int) -> list[Mark]:
        """The marks in the text as written; those of one stretch said in its place are one."""
        found: list[Mark] = []
        for mark in marks:
            a, b = mark.chars
            chars = leg.at(a).place(a), leg.at(b - 1).place_after(b)
            first, last = (sample + silence for sample in mark.samples)
            if found and found[-1].chars == chars:
                first = found.pop().samples[0]
            found.append(Mark(chars, (first, last)))
        if marks:
            heard = leg.at(marks[-1].chars[0])
            while leg.stretches[0] is not heard:
                leg.stretches.popleft()
        return found

    # --- what was not done --------------------------------------------------------------------

    def _warn(self, message: str) -> None:
        if message in self._told or len(self._told) > MAX_WARNINGS:
            return
        if len(self._told) == MAX_WARNINGS:
            message = "more of the markup was not understood; no more is said about it"
        self._told.add(message)
        self._warnings.append(message)

    def take_warnings(self) -> list[str]:
        """What was not done, since the last call."""
        warnings, self._warnings = self._warnings, []
        return warnings


def _quiet(wave: Waveform) -> int:
    """Samples of silence at the begin of a wave."""
    loud = np.abs(wave) > _QUIET
    return int(loud.argmax()) if loud.any() else len(wave)
