"""Sessions in Redis: a hash for the state, a list for the texts, one for the audio."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from vibevoice_pro.errors import BadParameter, TakenOver
from vibevoice_pro.speech.sessions.record import Changes, Record
from vibevoice_pro.speech.sessions.store import Forgotten, Unreachable

INSTALL = "pip install 'vibevoice-pro[redis]'"

_TIMEOUT_S = 2.0

# Scripts run as a whole or not at all. The holder is the process that may write; a claim changes
# it, so that the process before, if it is alive after all, learns of it when it writes next.
_CLAIM = """
local state, owner = unpack(redis.call('HMGET', KEYS[1], 'state', 'owner'))
if not state or owner ~= ARGV[2] then return false end
redis.call('HSET', KEYS[1], 'holder', ARGV[1])
return {state, redis.call('LRANGE', KEYS[2], 0, -1), redis.call('LRANGE', KEYS[3], 0, -1)}
"""
_SAVE = """
local mine, owner, ttl, state, first = unpack(ARGV, 1, 5)
local holder = redis.call('HGET', KEYS[1], 'holder')
if holder and holder ~= mine then return 'taken over' end
if not holder and first == '0' then return 'forgotten' end
redis.call('HSET', KEYS[1], 'holder', mine, 'owner', owner, 'state', state)
redis.call('EXPIRE', KEYS[1], ttl)
local function change(key, drop, from, to)
  redis.call('LTRIM', key, drop, -1)
  for i = from, to do redis.call('RPUSH', key, ARGV[i]) end
  redis.call('EXPIRE', key, ttl)
end
local texts = tonumber(ARGV[8])
change(KEYS[2], ARGV[6], 9, 8 + texts)
change(KEYS[3], ARGV[7], 9 + texts, #ARGV)
return 'saved'
"""
_DROP = """
if redis.call('HGET', KEYS[1], 'holder') == ARGV[1] then redis.call('DEL', unpack(KEYS)) end
"""


class RedisStore:
    """A `Store` that several processes share; what is not saved again within `ttl` is forgotten."""

    lasting = True

    def __init__(self, url: str, ttl: float) -> None:
        """`ttl`: seconds that a session is kept after it was last saved.

        Raises:
            BadParameter: the address is wrong, or the package `redis` is missing.
        """
        try:
            from redis import asyncio as redis
            from redis.exceptions import RedisError
        except ImportError:
            raise BadParameter(f"a Redis store needs {INSTALL}") from None
        try:
            self._redis = redis.from_url(
                url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
            )
        except ValueError as error:
            raise BadParameter(f"store must be like redis://host:6379/0: {error}") from None
        self._errors = (RedisError, OSError)
        self._ttl = max(1, round(ttl))
        self._holder = secrets.token_urlsafe(8)
        self._claim = self._redis.register_script(_CLAIM)
        self._save = self._redis.register_script(_SAVE)
        self._drop = self._redis.register_script(_DROP)

    async def claim(self, id_: str, owner: str) -> Record | None:
        """Take a session over; one script, so that two processes cannot both have it."""
        async with self._asking():
            found = await self._claim(_keys(id_), [self._holder, owner])
        return Record(*found) if found else None

    async def save(self, id_: str, owner: str, changes: Changes) -> None:
        """Save changes; one script, so that they are there as a whole or not at all."""
        arguments: list[str | bytes | int] = [
            self._holder, owner, self._ttl, changes.state, int(changes.first), changes.drop_texts,
            changes.drop_chunks, len(changes.texts), *changes.texts, *changes.chunks,
        ]  # fmt: skip
        async with self._asking():
            answer = await self._save(_keys(id_), arguments)
        if answer == b"taken over":
            raise TakenOver("another server goes on with this session")
        if answer == b"forgotten":
            raise Forgotten

    async def drop(self, id_: str) -> None:
        """Forget a session, if this process still holds it."""
        async with self._asking():
            await self._drop(_keys(id_), [self._holder])

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        try:
            yield
        except self._errors as error:
            raise Unreachable(str(error)) from error


def _keys(id_: str) -> list[str]:
    name = f"vibevoice:{{{id_}}}"  # in braces: a cluster keeps all three in one place
    return [name, f"{name}:texts", f"{name}:audio"]
