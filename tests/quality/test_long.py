"""A long text in one stream is understood as well as its sentences one by one."""

from __future__ import annotations

import pytest

from tests.support.speaking import speak_marked
from vibevoice_pro.bench.sentences import SENTENCES
from vibevoice_pro.models.hibari.model import HibariModel

pytestmark = pytest.mark.quality

SPOKEN = SENTENCES[::2]
TEXT = " ".join(SPOKEN)
RATE = 24000


@pytest.mark.timeout(900)
def test_word_error_rate_of_a_long_text(compact: HibariModel) -> None:
    from vibevoice_pro.bench.recogniser import Recogniser

    recogniser = Recogniser()
    stream, marks = speak_marked(compact, TEXT)
    alone, within, at = [], [], 0
    for sentence in SPOKEN:
        # Cut out by the word marks, so that the recogniser is asked the same question twice.
        own = [m.samples for m in marks if at <= m.chars[0] < at + len(sentence)]
        begin, end = max(0, own[0][0] - RATE // 10), own[-1][1] + RATE // 10
        within.append(recogniser.text(stream[begin:end], RATE))
        alone.append(recogniser.text(speak_marked(compact, sentence)[0], RATE))
        at += len(sentence) + 1
    rates = [recogniser.word_error_rate(list(SPOKEN), heard) for heard in (alone, within)]
    whole = recogniser.word_error_rate([TEXT], [recogniser.text(stream, RATE)])
    print(f"word error rate: alone {rates[0]:.2%}, in {len(stream) / RATE:.0f} s of speech "
          f"{rates[1]:.2%}; all of it recognised in one go {whole:.2%}")  # fmt: skip
    print("\n".join(recogniser.differences(list(SPOKEN), within)))
    assert abs(rates[1] - rates[0]) <= 0.01
    assert whole <= rates[0] + 0.01
