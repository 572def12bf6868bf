"""A model's waves become PCM: nothing lost, and each sample's place known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibevoice_pro.audio.frames import RATES, to_pcm16
from vibevoice_pro.audio.resample import Resampler
from vibevoice_pro.engine.pcm import Checkpoint, Notes, PcmMaker, Span

RATE = 24000
TONE = (0.5 * np.sin(np.arange(RATE) * 2 * np.pi * 220 / RATE)).astype(np.float32)


@given(st.lists(st.integers(0, RATE), max_size=12), st.sampled_from(RATES))
def test_pcm_is_the_same_however_the_wave_is_cut(cuts: list[int], rate: int) -> None:
    maker = PcmMaker(RATE, rate, 0)
    parts = [maker(part) for part in np.split(TONE, sorted(cuts))]
    pcm = b"".join(parts) + maker.end()
    assert pcm == to_pcm16(Resampler(RATE, rate)(TONE, last=True))
    assert maker.made == len(pcm) == 2 * rate


@pytest.mark.parametrize("rate", RATES)
def test_counts_from_where_it_begins(rate: int) -> None:
    maker = PcmMaker(RATE, rate, 1000)
    assert maker.made == 1000
    assert maker.byte_of(RATE // 2) == 1000 + rate
    maker(TONE)
    assert maker.byte_of(0) == 1000 + 2 * rate
    maker.end()
    assert maker.made == 1000 + 2 * rate


def test_a_sample_is_heard_where_its_byte_says() -> None:
    click = np.zeros(RATE, np.float32)
    click[7000] = 1.0
    maker = PcmMaker(RATE, 16000, 0)
    byte = maker.byte_of(7000)
    pcm = np.frombuffer(maker(click) + maker.end(), "<i2")
    assert abs(int(np.abs(pcm).argmax()) - byte // 2) <= 1


def test_what_follows_a_restart_depends_on_nothing_before_it() -> None:
    maker = PcmMaker(RATE, 16000, 0)
    first = maker(TONE[:5000]) + maker.restart(RATE)
    assert maker.made == len(first) == 2 * round(5000 * 16000 / RATE)
    again = maker(TONE) + maker.end()
    fresh = PcmMaker(RATE, 16000, maker.made)
    assert again == fresh(TONE) + fresh.end()


def test_no_wave_makes_no_pcm() -> None:
    maker = PcmMaker(RATE, 48000, 64)
    assert (maker.end(), maker.restart(RATE), maker.made) == (b"", b"", 64)


def test_notes_are_joined_in_order() -> None:
    notes = Notes([Span((0, 3), (0, 9))], [Checkpoint()], [3], {"Thai"})
    notes += Notes([Span((4, 8), (9, 30))], [Checkpoint(9, 4)], [8], {"Greek", "Thai"})
    assert notes.spans == [Span((0, 3), (0, 9)), Span((4, 8), (9, 30))]
    assert notes.checkpoints == [Checkpoint(), Checkpoint(9, 4)]
    assert (notes.pauses, notes.unread) == ([3, 8], {"Thai", "Greek"})
