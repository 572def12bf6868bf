"""Repair text as it enters, so that nothing behind has to expect text that cannot be encoded."""

from __future__ import annotations

import re

REPLACEMENT = "\ufffd"
"""U+FFFD, what Unicode puts in the place of a character that could not be read."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Replace each lone surrogate by U+FFFD; the result can be encoded in UTF-8.

    One character for one, so positions in the text stay as they are. Text without surrogates, which
    is nearly all there is, is returned as it came.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub(REPLACEMENT, text)
    return text
