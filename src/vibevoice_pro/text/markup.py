"""Text that says how it is to be spoken, while it is still being written: marks and text to steps.

Between the text as it is written and a voice stands `Markup`: it takes the marks out, and puts in
what is said in their place. What it gives depends on the text, and on where it was flushed, alone.
Each step knows the characters it was written as, and the elements that it stands in; so speech can
be resumed at any of them by telling `Markup` the place and those elements, and nothing else.

A mark that means nothing here, or is broken, is left out, what it holds is spoken, and `Odd` says
so. A flush within a mark, or within an element that is said as a whole, acts before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from vibevoice_pro.text.backlog import Backlog
from vibevoice_pro.text.boundaries import whole_words
from vibevoice_pro.text.languages import language_of
from vibevoice_pro.text.lexicon import Lexicon, phonemes_of
from vibevoice_pro.text.prosody import pace_within, seconds_of
from vibevoice_pro.text.reading.say_as import say_as
from vibevoice_pro.text.ssml import KNOWN, MAX_TAG, TOKENS, Token
from vibevoice_pro.text.steps import Break, Elements, Flush, Odd, Said, Step, pace_of

MAX_DEPTH = 16
"""Elements within each other."""

MAX_CONTENT = 400
"""Characters of what is said as a whole: `<sub>`, `<say-as>`, `<phoneme>`."""

_WINDOW = MAX_TAG + 200
_WHOLE = frozenset(("sub", "say-as", "phoneme", "spell"))
_STOPS = tuple(".!?…:;,。！？、，")


@dataclass
class _Whole:
    """An element that is said as a whole, while its content comes.

    Attributes:
        token: the tag that opened it; begin: characters before that.
        chars: where its content is written; the tag, as long as there is none.
        content: so far.
    """

    token: Token
    begin: int
    chars: tuple[int, int]
    content: str = ""

    def add(self, text: str, start: int, end: int) -> None:
        self.chars = (self.chars[0] if self.content else start, end)
        self.content += text


class Markup:
    """Text in, in any portions; `Step`s out, as soon as each is certain.

    `next` does a bounded amount of work. Positions are characters counted over everything fed.
    """

    def __init__(
        self, markup: str, language: str, lexicon: Lexicon,
        position: int = 0, elements: Elements = (),
    ) -> None:  # fmt: skip
        """Begin behind `position` characters, within some elements.

        Args:
            markup: which marks the text has, a key of `TOKENS`.
            language: ISO 639-1 code of the voice.
            lexicon: words that are said in another way.
        """
        self._token = TOKENS[markup]
        self._language = language
        self._lexicon = lexicon
        self._elements = elements
        self._backlog = Backlog()
        self._window = ""
        self._fed = position
        self._flushes: deque[int] = deque()
        self._finished = False
        self._steps: deque[Step] = deque()
        self._whole: _Whole | None = None
        self._held = ""  # text at whose end a word of the lexicon may go on; ends at `_at`
        self._before = ""  # the character before it
        self._last = ""  # the last character said that is no space
        self._stuck = False  # whether nothing more is certain

    # --- text in ------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Characters fed and not given out; of a mark whose end has not come, none."""
        rest = len(self._window) + len(self._backlog) + len(self._steps)
        return len(self._held) + (0 if self._stuck else rest)

    @property
    def empty(self) -> bool:
        """Whether the text is complete, and all of it was given out."""
        return self._finished and not (
            self._steps or self._flushes or self._held or self._whole
            or self._window or self._backlog
        )  # fmt: skip

    @property
    def _at(self) -> int:
        return self._fed - len(self._window) - len(self._backlog)

    def feed(self, text: str) -> None:
        """Add text, in any portions."""
        self._backlog.append(text)
        self._fed += len(text)
        self._stuck = False

    def flush(self) -> None:
        """Speak everything fed so far."""
        if not self._flushes or self._flushes[-1] < self._fed:
            self._flushes.append(self._fed)
        self._stuck = False

    def finish(self) -> None:
        """No more text will come."""
        self._finished = True
        self._stuck = False

    def pause(self) -> int | None:
        """The writer hesitates: give out the whole words that are held.

        Returns the characters up to there; a flush at that place would have done the same. None:
        nothing is held that can be spoken.
        """
        end = whole_words(self._held, language_of(self._language)) if self._held else None
        if end is None:
            return None
        place = self._at - len(self._held) + end
        rest, self._held = self._held[end:], self._held[:end]
        self._give(end, origin=place - end)
        self._held, self._before = rest, ""
        self._steps.append(Flush())
        self._stuck = False
        return place

    @property
    def holds(self) -> bool:
        """Whether text is held that more text may change."""
        return bool(self._held)

    # --- steps out ----------------------------------------------------------------------------

    def next(self) -> Step | None:
        """The next step; None: more text is needed for it."""
        while not self._steps:
            if not self._read():
                self._stuck = True
                return None
        return self._steps.popleft()

    def _read(self) -> bool:
        """Take the next token; whether there was one."""
        self._window += self._backlog.read(_WINDOW - len(self._window))
        text, flushed = self._window, False
        if self._flushes and self._flushes[0] <= self._at + len(text):
            text, flushed = text[: self._flushes[0] - self._at], True
        closed = self._finished and not flushed and self._at + len(text) == self._fed
        token = self._token(text, closed) if text else None
        if token is not None:
            self._take(token)
            return True
        if flushed:
            self._flushes.popleft()
            self._release()
            self._steps.append(Flush())
            return True
        if self._finished and not self._window:
            if self._whole is not None:
                self._odd(f"<{self._whole.token.name}> is not closed")
                self._close_whole()
                return True
            if self._held:
                self._release()
                return True
        return False

    def _take(self, token: Token) -> None:
        start = self._at
        written = self._window[: token.length]
        if token.odd:
            self._odd(token.odd)
        if token.name:
            if self._whole is None:
                self._release()
            self._pass(token.length)
            self._tag(token, start)
        elif self._whole is not None:
            self._add_to_whole(token, written)
        elif token.text == written:
            self._pass(token.length)
            self._held += written
            self._give(self._certain())
        else:
            self._release()
            self._pass(token.length)
            if token.text:
                end = start + token.length
                self._say(Said(token.text, (start, end), start, end, self._elements, exact=False))

    def _pass(self, length: int) -> None:
        self._window = self._window[length:]

    def _odd(self, message: str) -> None:
        self._steps.append(Odd(message))

    def _say(self, said: Said) -> None:
        self._last = said.text.rstrip()[-1:] or self._last
        self._steps.append(said)

    # --- words --------------------------------------------------------------------------------

    def _certain(self) -> int:
        """How much of what is held no more text can change: all but the word at its end."""
        longest = self._lexicon.longest
        if not longest:
            return len(self._held)
        word = len(self._held.rsplit(None, 1)[-1]) if self._held[-1:].strip() else 0
        return len(self._held) - min(word, longest + 1)

    def _release(self) -> None:
        """Give out all that is held."""
        self._give(len(self._held))
        self._before = ""

    def _give(self, end: int, origin: int | None = None) -> None:
        """Give out what is held up to `end`, with the words of the lexicon that begin before it as
        they are said.

        `origin`: characters before what is held, if it does not end at the window.
        """
        if not end:
            return
        held, shift = self._held, len(self._before)
        origin = self._at - len(held) if origin is None else origin
        done = 0
        for first, last, said in self._lexicon.find(self._before + held, shift, end + shift):
            first, last = first - shift, last - shift
            self._exactly(held[done:first], origin + done)
            place = (origin + first, origin + last)
            ipa = phonemes_of(said)
            word = held[first:last] if ipa else said
            self._say(Said(word, place, *place, self._elements, exact=False, phonemes=ipa))
            done = last
        self._exactly(held[done:end], origin + done)
        done = max(done, end)
        self._held, self._before = held[done:], held[done - 1]

    def _exactly(self, text: str, start: int) -> None:
        if text:
            end = start + len(text)
            self._say(Said(text, (start, end), start, end, self._elements))

    # --- tags ---------------------------------------------------------------------------------

    def _tag(self, token: Token, start: int) -> None:
        whole = self._whole
        if whole is not None:
            if token.name == whole.token.name and token.closes and not token.opens:
                self._close_whole()
            else:
                self._odd(f"<{whole.token.name}> holds text alone; the tag in it was left out")
            return
        if token.closes and not token.opens:
            self._close(token.name, start)
        elif token.name == "break":
            seconds, odd = seconds_of(token.attributes)
            if odd:
                self._odd(odd)
            if seconds:
                self._steps.append(Break(seconds))
            if not token.closes:
                self._enter(token.name, pace_of(self._elements))
        elif token.closes:
            if token.name == "sub" and token.attributes.get("alias"):
                self._whole = _Whole(token, start, (start, self._at))
                self._close_whole()
            elif token.name == "speed":
                self._speed(token.attributes)
            elif token.name not in KNOWN:
                self._unknown(token.name)
        elif token.name in _WHOLE and not self._deep:
            self._whole = _Whole(token, start, (start, self._at))
        else:
            self._open(token, start)

    def _open(self, token: Token, start: int) -> None:
        name, pace = token.name, pace_of(self._elements)
        if name == "prosody":
            pace, odds = pace_within(token.attributes, pace)
            self._steps.extend(map(Odd, odds))
        elif name in ("p", "s"):
            self._boundary(name, start)
        elif name == "emphasis":
            self._odd("<emphasis> has no effect: the voices know none")
        elif name not in KNOWN:
            self._unknown(name)
        self._enter(name, pace)

    def _speed(self, attributes: Mapping[str, str]) -> None:
        """From here on another pace, until the next such tag."""
        rate = {"rate": attributes.get("ratio", ""), **attributes}
        rate.pop("ratio", None)
        pace, odds = pace_within(rate, 1.0)
        self._steps.extend(
            Odd(odd.replace("rate of <prosody>", "ratio of <speed>")) for odd in odds
        )
        self._elements = tuple(each for each in self._elements if each[0] != "speed")
        self._enter("speed", pace)

    @property
    def _deep(self) -> bool:
        return len(self._elements) >= MAX_DEPTH

    def _enter(self, name: str, pace: float) -> None:
        if self._deep:
            self._odd(
                f"more than {MAX_DEPTH} elements stand in each other; the inner ones count not"
            )
        else:
            self._elements = (*self._elements, (name, pace))

    def _close(self, name: str, start: int) -> None:
        names = [each for each, _ in self._elements]
        if name not in names:
            if name not in ("break", *_WHOLE):
                self._odd(f"</{name}> closes nothing that is open, and was left out")
            return
        while self._elements:
            inner = self._elements[-1][0]
            self._elements = self._elements[:-1]
            if inner in ("p", "s"):
                self._boundary(inner, start)
            if inner == name:
                return
            if inner != "break":
                self._odd(f"<{inner}> is not closed before </{name}>")

    def _unknown(self, name: str) -> None:
        self._odd(f"<{name}> is not known here; what it holds is spoken, and nothing else done")

    def _boundary(self, name: str, place: int) -> None:
        """The end of a sentence or a paragraph, where none is written."""
        stop = "." if self._last and not self._last.endswith(_STOPS) else ""
        if self._last:
            said = stop + ("\n\n" if name == "p" else " ")
            chars = (place, place)
            self._say(Said(said, chars, None, self._at, self._elements, exact=False))

    # --- elements that are said as a whole ----------------------------------------------------

    def _add_to_whole(self, token: Token, written: str) -> None:
        whole = self._whole
        assert whole is not None
        start, room = self._at, MAX_CONTENT - len(whole.content)
        if token.text and room <= 0:
            name = whole.token.name
            self._odd(f"<{name}> has more than {MAX_CONTENT} characters; they are read as written")
            self._whole = None
            self._content(whole)
            self._enter(name, pace_of(self._elements))
            return
        text = token.text[:room] if token.text == written else token.text
        length = len(text) if token.text == written else token.length
        self._pass(length)
        if text:
            whole.add(text, start, start + length)

    def _content(self, whole: _Whole, text: str = "", phonemes: str = "") -> None:
        """Say an element: `text`, or else what it holds."""
        said = Said(
            text or whole.content, whole.chars, whole.begin, self._at, self._elements,
            exact=False, phonemes=phonemes,
        )  # fmt: skip
        if said.text.strip():
            self._say(said)
        elif said.phonemes:
            self._odd("<phoneme> holds no word, and was left out")

    def _close_whole(self) -> None:
        whole, self._whole = self._whole, None
        assert whole is not None
        name, given = whole.token.name, whole.token.attributes
        if name == "sub":
            alias = given.get("alias", "").strip()
            if not alias:
                self._odd("<sub> needs alias, the text to be said")
            self._content(whole, alias)
        elif name == "phoneme":
            self._phoneme(whole, given)
        else:
            kind = "characters" if name == "spell" else given.get("interpret-as", "")
            text = say_as(kind, given.get("format", ""), whole.content, self._language)
            if text is None:
                self._odd(f"<say-as> can't read this as {kind[:30]!r}; it was read as written")
            self._content(whole, text or "")

    def _phoneme(self, whole: _Whole, given: Mapping[str, str]) -> None:
        alphabet, ph = given.get("alphabet", "ipa").strip().lower(), given.get("ph", "").strip()
        if alphabet != "ipa":
            self._odd(f"the alphabet of <phoneme> is ipa; got {alphabet[:20]!r}")
        elif not ph:
            self._odd("<phoneme> needs ph, the phonemes")
        else:
            self._content(whole, phonemes=ph)
            return
        self._content(whole)
