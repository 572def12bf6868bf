"""Speak with a model directly, as the engine does: prepare, step while ready."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vibevoice_pro.models.base import AnyModel, Chunk, Mark, Options, Utterance


def steps(model: AnyModel, utterance: Utterance) -> Iterator[Chunk]:
    """The chunks of an utterance, as far as its text goes."""
    utterance.prepare()
    while utterance.ready:
        yield from (chunk for chunk in model.step([utterance]) if not chunk.unfinished)
        utterance.prepare()


def chunks_of(model: AnyModel, *parts: str, options: Options | None = None) -> list[Chunk]:
    """The chunks of a text that is fed in parts, by the model's first voice."""
    utterance = model.open(next(iter(model.voices)), options or Options())
    chunks = []
    for part in parts:
        utterance.feed(part)
        chunks += steps(model, utterance)
    utterance.finish()
    chunks += steps(model, utterance)
    assert utterance.done
    utterance.close()
    return chunks


def speak(model: AnyModel, *parts: str, options: Options | None = None) -> list[np.ndarray]:
    """As `chunks_of`, the waves alone."""
    return [chunk.wave for chunk in chunks_of(model, *parts, options=options)]


def speak_marked(model: AnyModel, text: str) -> tuple[np.ndarray, list[Mark]]:
    """The sound of a text, and its marks with places in all of it."""
    waves, marks, at = [], [], 0
    for chunk in chunks_of(model, text):
        for mark in chunk.marks:
            marks.append(Mark(mark.chars, (at + mark.samples[0], at + mark.samples[1])))
        waves.append(chunk.wave)
        at += len(chunk.wave)
    return np.concatenate(waves), marks
