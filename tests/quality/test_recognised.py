"""What the server says is understood: sixty sentences, sent word by word, recognised back."""

from __future__ import annotations

import re
from urllib.parse import quote

import numpy as np
import pytest

from tests.support.serving import Running
from tests.support.wire import ask, text
from vibevoice_pro.bench.sentences import SENTENCES

pytestmark = pytest.mark.quality


@pytest.mark.timeout(900)
async def test_word_error_rate(server: Running) -> None:
    from vibevoice_pro.bench.recogniser import Recogniser

    recogniser = Recogniser()
    said, heard = [], []
    for sentence in SENTENCES:
        whole = await ask(server, f"text={quote(sentence)}&patience=0")
        words = re.findall(r"\S+\s*", sentence)
        streamed = await ask(server, "patience=0", *text(*words))
        assert streamed.pcm == whole.pcm, sentence
        wave = np.frombuffer(streamed.pcm, "<i2") / 32768
        said.append(sentence)
        heard.append(recogniser.text(wave, 16000))
    rate = recogniser.word_error_rate(said, heard)
    print(f"word error rate {rate:.2%} over {len(said)} sentences")
    print("\n".join(recogniser.differences(said, heard)))
    assert rate <= 0.05
