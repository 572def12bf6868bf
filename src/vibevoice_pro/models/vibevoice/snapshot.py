"""The state of streams before a step, so that a step that raises leaves it as it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import torch
from torch import Tensor

from vibevoice_pro.models.vibevoice.executors.base import Executor
from vibevoice_pro.models.vibevoice.network.attention import KVCache, SavedSlot
from vibevoice_pro.models.vibevoice.state import TEXT_WINDOW, Caches, Speaker


class Snapshot:
    """All that a step changes of some streams.

    Tensors of a `Speaker` are replaced by a step, never written to, so references to them suffice.
    In the caches a step writes in place: what it may overwrite is copied. That is the state of the
    decoder, and of a key/value cache no more than the positions about to be dropped.
    """

    def __init__(self, executor: Executor, caches: Caches, speakers: Sequence[Speaker]) -> None:
        self._executor = executor
        self._caches = caches
        self._speakers = [(s, replace(s, tokens=[*s.tokens])) for s in speakers]
        slots = [s.slot for s in speakers]
        both = [*slots, *(caches.streams + slot for slot in slots)]
        # A window of text, the latent before the step, and all latents of the step but the last;
        # the last too if the executor reads ahead.
        most = TEXT_WINDOW + 1 + executor.together
        with executor.stage("text"):
            self._text = _save(caches.text, slots, most)
        with executor.stage("acoustic"):
            self._speech = _save(caches.speech, both, most)
        with executor.stage("vocoder"):
            pool = caches.decoder
            self._slots = torch.tensor(slots).to(pool.device, non_blocking=True)
            self._decoder: Tensor = pool[self._slots]

    def restore(self) -> None:
        """Return to that state."""
        for speaker, saved in self._speakers:
            for field in fields(saved):
                setattr(speaker, field.name, getattr(saved, field.name))
        with self._executor.stage("text"):
            for slot, saved_slot in self._text.items():
                self._caches.text.restore(slot, saved_slot)
        with self._executor.stage("acoustic"):
            for slot, saved_slot in self._speech.items():
                self._caches.speech.restore(slot, saved_slot)
        with self._executor.stage("vocoder"):
            self._caches.decoder[self._slots] = self._decoder


def _save(cache: KVCache, slots: Sequence[int], most: int) -> dict[int, SavedSlot]:
    return {slot: cache.save(slot, most) for slot in slots}
