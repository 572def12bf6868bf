"""A model in the engine: what its steps cost, and how it is loaded again when it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

from vibevoice_pro.engine.schedule import LoadMeter
from vibevoice_pro.models.base import AnyModel, Chunk, Utterance

_FAILURES = 3  # steps that failed, one after the other: then it is not the text's fault


class Host:
    """A model that the engine steps, among others.

    Attributes:
        model: the model.
        reload: loads the same model again; None: it cannot be.
        meter: what its steps cost.
        memory: bytes that loading it and a first text took, as measured.
        available: whether it can be stepped; not while it is loaded again.
    """

    def __init__(
        self, model: AnyModel, reload: Callable[[], AnyModel] | None = None, memory: int = 0
    ) -> None:
        self.model = model
        self.reload = reload
        self.memory = memory
        self.meter = LoadMeter()
        self.available = True
        self._failures = 0
        # On the next chunk: the utterance's share of its steps, and the whole of them.
        self._spent: WeakKeyDictionary[Utterance, tuple[float, float]] = WeakKeyDictionary()

    @property
    def broken(self) -> bool:
        """Whether so many steps have failed in a row that the model is to blame."""
        return self._failures >= _FAILURES

    def step(self, utterances: Sequence[Utterance]) -> list[Chunk]:
        """Advance utterances by a chunk each, or work on it; the meter learns what it takes.

        Raises:
            RuntimeError: the model gave too few or too many chunks.
        """
        began = time.monotonic()
        chunks = self.model.step(utterances)
        if len(chunks) != len(utterances):
            raise RuntimeError(f"{len(chunks)} chunks came for {len(utterances)} utterances")
        self._failures = 0
        elapsed = time.monotonic() - began
        costs, longest, samples = [], 0.0, 0
        for utterance, chunk in zip(utterances, chunks, strict=True):
            share, whole = self._spent.pop(utterance, (0.0, 0.0))
            share, whole = share + elapsed / len(chunks), whole + elapsed
            if chunk.unfinished:
                self._spent[utterance] = share, whole
                continue
            costs.append(share)
            longest = max(longest, whole)
            samples += len(chunk.wave)
        if costs:
            seconds = samples / self.model.info.sample_rate
            self.meter.record(len(chunks), sum(costs), seconds, len(costs), longest)
        return chunks

    def failed(self) -> None:
        """Note that an utterance could not be stepped, even by itself."""
        self._failures += 1

    def replace(self, model: AnyModel) -> None:
        """Go on with a model that was loaded again."""
        self.model = model
        self.available = True
        self._failures = 0
