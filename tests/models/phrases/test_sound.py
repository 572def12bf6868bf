"""The edges of phrases."""

from __future__ import annotations

import numpy as np

from vibevoice_pro.models.phrases.sound import LEAD_S, OPENING_S, RATE, Part, kept, opened


def test_opened_loses_only_silence() -> None:
    wave = np.zeros(6000, np.float32)
    wave[2000:4000] = 0.5
    spoken = kept(wave, np.array([1000, 6000]), Part(0, 1), 0.001)
    assert spoken.lead == round(LEAD_S * RATE)
    begun = opened(spoken)
    lead = round(OPENING_S * RATE)
    assert begun.lead == lead
    assert not begun.wave[:lead].any()
    assert begun.wave[lead : lead + 2000].tobytes() == wave[2000:4000].tobytes()
    assert np.all(begun.spans >= 0)


def test_opened_where_the_sound_begins_at_once() -> None:
    wave = np.full(3000, 0.5, np.float32)
    begun = opened(kept(wave, np.array([0, 3000]), Part(0, 1), 0.001))
    assert len(begun.wave) == 3000
    assert begun.wave[0] == 0
    assert np.all(np.diff(begun.wave[: round(OPENING_S * RATE)]) > 0), "faded in"
