"""Addresses in a text: of web pages, of mail."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

ADDRESS = re.compile(
    r"(?:(?:https?|ftp|file)://|www\.)[^\s<>\"'()]{1,400}"
    r"|\w[\w.&+-]{0,63}@[\w-]{1,64}(?:\.[\w/-]{1,64}){1,8}"
    r"|(?<![\w@/.-])(?:[a-z0-9-]{2,63}\.){1,4}[a-z]{2,6}(?:/[\w./?=&%~+-]{0,200})?(?![\w@])",
    re.I | re.A,
)
"""Each part is bounded, so that the time to look for it grows with the text and no faster."""

_SCHEME = re.compile(r"^(?:https?|ftp)://(?:www\.)?", re.I)
_END = re.compile(r"[/.,;:!?]+$")


def bare(address: str) -> tuple[str, str]:
    """The address as people tell it, without `https://www.`, and the punctuation behind it."""
    address = _SCHEME.sub("", address)
    end = _END.search(address)
    return (address[: end.start()], end.group().lstrip("/")) if end else (address, "")


def say_address(address: str, words: Mapping[str, str], digit: Callable[[str], str]) -> str:
    """An address in the words of a language, digits one by one."""
    told, end = bare(address)
    said = (digit(char) if char.isdigit() else words.get(char) for char in told)
    parts = (f" {word} " if word else char for char, word in zip(told, said, strict=True))
    return re.sub(" {2,}", " ", "".join(parts)).strip() + end
