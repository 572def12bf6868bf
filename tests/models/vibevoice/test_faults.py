"""A step that raises moves nobody on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.vibevoice import TEXT, VOICE
from vibevoice_pro.models.base import Chunk, Options
from vibevoice_pro.models.vibevoice.executors.observed import PARTS, Call, Observer, Part
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel, VibeVoiceUtterance
from vibevoice_pro.models.vibevoice.state import Caches

TEXTS = (TEXT, "One short text.", "Another one, that is longer than that by a few words.")
TURNS = 40  # of three streams; each has then outlived a window of 16 positions several times


class Provoked(Exception):
    pass


def failing_after(part: Part) -> Observer:
    """Fails after the first call of a part: its outputs and caches are written by then.

    A step without that part fails after the decoder, which is the last.
    """

    def observer(called: Part, call: Call, inputs: tuple[Any, ...]) -> torch.Tensor:
        result = call(*inputs)
        if called in (part, "decode"):
            raise Provoked
        return result

    return observer


def speak_singly(
    model: VibeVoiceModel, before_each: Callable[[list[VibeVoiceUtterance]], None]
) -> list[list[Chunk]]:
    """Three streams, each stepped by itself; `before_each` gets those that are ready."""
    streams = [model.open(VOICE, Options(seed=i, steps=2 + i)) for i in range(len(TEXTS))]
    for stream, text in zip(streams, TEXTS, strict=True):
        stream.feed(text)
        stream.finish()
        stream.prepare()
    chunks: list[list[Chunk]] = [[] for _ in TEXTS]
    for _ in range(TURNS):
        ready = [stream for stream in streams if stream.ready]
        if not ready:
            break
        before_each(ready)
        for stream in ready:
            chunks[streams.index(stream)] += model.step([stream])
            stream.prepare()
    for stream in streams:
        stream.close()
    return chunks


def assert_same(ours: list[list[Chunk]], expected: list[list[Chunk]]) -> None:
    for mine, theirs in zip(ours, expected, strict=True):
        assert [c.marks for c in mine] == [c.marks for c in theirs]
        assert [c.unread for c in mine] == [c.unread for c in theirs]
        for one, other in zip(mine, theirs, strict=True):
            assert np.array_equal(one.wave, other.wave)


@pytest.fixture(params=[256, 16], ids=["full", "window"])
def caches(model: VibeVoiceModel, request: pytest.FixtureRequest) -> None:
    """A past that holds all, and one whose positions are overwritten."""
    executor = model.executor
    model.caches = Caches(executor.config, 4, request.param, executor.places)


@pytest.mark.usefixtures("caches")
def test_after_a_failed_step_each_goes_on_by_itself(model: VibeVoiceModel) -> None:
    """Every step of the batch, and of each alone, fails once in each part before it succeeds."""
    expected = speak_singly(model, lambda ready: None)
    assert sum(len(c.wave) for c in expected[0]) > 100_000

    def fail(ready: list[VibeVoiceUtterance]) -> None:
        for batch in (ready, ready[:1]):
            for part in PARTS:
                with model.observed(failing_after(part)), pytest.raises(Provoked):
                    model.step(batch)

    assert_same(speak_singly(model, fail), expected)


def test_a_fault_after_the_last_part(
    model: VibeVoiceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the second of three chunks cannot be made, the first has not moved on either."""
    expected = speak_singly(model, lambda ready: None)
    chunk = VibeVoiceUtterance.chunk

    def fail(ready: list[VibeVoiceUtterance]) -> None:
        if len(ready) == 1:
            return
        made: list[Chunk] = []

        def second_fails(utterance: VibeVoiceUtterance, frame: Any) -> Chunk:
            if made:
                raise Provoked
            made.append(chunk(utterance, frame))
            return made[0]

        with monkeypatch.context() as patch:
            patch.setattr(VibeVoiceUtterance, "chunk", second_fails)
            with pytest.raises(Provoked):
                model.step(ready)

    assert_same(speak_singly(model, fail), expected)
