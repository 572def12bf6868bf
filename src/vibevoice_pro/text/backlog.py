"""Text that was fed and not looked at yet."""

from __future__ import annotations

import re
from collections import deque

_CHUNK = 1024  # characters; what is fed in smaller portions is joined up to here
_NOT_SPACE = re.compile(r"\S")


class Backlog:
    """A queue of characters: `append` at its end, `read` at its begin.

    The time of each call grows with the characters that it moves, never with those that wait, and
    waiting text takes the same memory whether it came letter by letter or at once.
    """

    def __init__(self) -> None:
        self._chunks: deque[str] = deque()
        self._at = 0  # characters of the first chunk that were read
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def append(self, text: str) -> None:
        """Add text at the end."""
        self._length += len(text)
        if self._chunks and len(self._chunks[-1]) < _CHUNK:
            self._chunks[-1] += text
        elif text:
            self._chunks.append(text)

    def read(self, count: int) -> str:
        """Take out the next `count` characters, or as many as there are."""
        parts = []
        while count > 0 and self._chunks:
            part = self._chunks[0][self._at : self._at + count]
            parts.append(part)
            count -= len(part)
            self._advance(len(part))
        return "".join(parts)

    def skip_space(self) -> None:
        """Drop the white space at the begin."""
        while self._chunks:
            found = _NOT_SPACE.search(self._chunks[0], self._at)
            if found is not None:
                self._advance(found.start() - self._at)
                return
            self._advance(len(self._chunks[0]) - self._at)

    def _advance(self, count: int) -> None:
        self._at += count
        self._length -= count
        if self._at == len(self._chunks[0]):
            self._chunks.popleft()
            self._at = 0
