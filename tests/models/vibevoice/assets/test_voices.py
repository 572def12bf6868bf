"""Voice files: the published pickles are read, and can run nothing."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.vibevoice import DATA
from vibevoice_pro.errors import BadVoice
from vibevoice_pro.models.vibevoice.assets.voices import VoicePrompt, convert_voice, load_voice
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig

REAL = Path(__file__).parents[5] / "shared" / "reference" / "voices"


def same(a: VoicePrompt, b: VoicePrompt) -> bool:
    return a.keys() == b.keys() and all(
        torch.equal(a[n].hidden, b[n].hidden)
        and torch.equal(a[n].prompt.keys, b[n].prompt.keys)
        and torch.equal(a[n].prompt.values, b[n].prompt.values)
        for n in a
    )


def test_published_form_and_safetensors_are_the_same(
    config: VibeVoiceConfig, voice: VoicePrompt, tmp_path: Path
) -> None:
    assert same(load_voice(DATA / "voice.pt", config), voice)
    convert_voice(DATA / "voice.pt", tmp_path / "voice.safetensors")
    assert same(load_voice(tmp_path / "voice.safetensors", config), voice)
    assert [p.name for p in tmp_path.iterdir()] == ["voice.safetensors"]


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Copy the published voice with its pickle changed."""
    with zipfile.ZipFile(DATA / "voice.pt") as source, zipfile.ZipFile(path, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            target.writestr(
                entry.filename, change(data) if entry.filename.endswith("data.pkl") else data
            )


class Hostile:
    """Runs a command when it is unpickled by Python itself."""

    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple[object, ...]:
        return self.call[0], self.call[1:]


MARK = "a-voice-ran-this"
HOSTILE: list[object] = [
    Hostile(os.system, f"touch {MARK}"),
    Hostile(eval, f"open({MARK!r}, 'w')"),
    Hostile(exec, f"open({MARK!r}, 'w')"),
    Hostile(getattr, "os", "system"),
    Hostile(__import__, "os"),
    {"lm": Hostile(os.mkdir, MARK)},
    Hostile(torch.load, "x"),
    Hostile(io.open, MARK, "w"),
]


@pytest.mark.parametrize("payload", HOSTILE, ids=lambda p: str(getattr(p, "call", "dict"))[:40])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_hostile_pickles_run_nothing(
    config: VibeVoiceConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    payload: object, protocol: int,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "voice.pt"
    rewrite(path, lambda _: pickle.dumps(payload, protocol))
    with pytest.raises(BadVoice, match="which no voice needs"):
        load_voice(path, config)
    assert not (tmp_path / MARK).exists()


@pytest.mark.parametrize(
    "code",
    [
        b"cos\nsystem\n(S'touch a'\ntR.",  # the classic
        b"ctorch\nload\n.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"\x82\x01.",  # an extension code
        b"(lp0\n0" * 10,  # nonsense
        b"",
        b"\x80\x04N.",  # None
        b"\x80\x02}.",  # an empty dict
    ],
)
def test_other_pickles_are_refused(config: VibeVoiceConfig, tmp_path: Path, code: bytes) -> None:
    path = tmp_path / "voice.pt"
    rewrite(path, lambda _: code)
    with pytest.raises(BadVoice):
        load_voice(path, config)


def test_tensors_beyond_their_storage_are_refused(config: VibeVoiceConfig, tmp_path: Path) -> None:
    path = tmp_path / "voice.pt"
    with zipfile.ZipFile(DATA / "voice.pt") as source, zipfile.ZipFile(path, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            target.writestr(entry.filename, data[:64] if "/data/" in entry.filename else data)
    with pytest.raises(BadVoice, match="beyond its storage"):
        load_voice(path, config)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", b"\x80\x02}q\x00.", b"x" * 1000])
@pytest.mark.parametrize("name", ["voice.pt", "voice.safetensors"])
def test_other_files_are_refused(
    config: VibeVoiceConfig, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadVoice, match=name):
        load_voice(path, config)


def test_missing_file(config: VibeVoiceConfig, tmp_path: Path) -> None:
    with pytest.raises(BadVoice, match="No such file"):
        load_voice(tmp_path / "voice.pt", config)


def test_a_voice_of_another_model_is_told_apart(config: VibeVoiceConfig) -> None:
    from dataclasses import replace

    wider = replace(config, tts_lm=replace(config.tts_lm, hidden=128))
    with pytest.raises(BadVoice, match=r"tts_lm.last_hidden_state must be of shape \[1, P, 128\]"):
        load_voice(DATA / "voice.pt", wider)
    deeper = replace(config, tts_lm=replace(config.tts_lm, layers=9))
    with pytest.raises(BadVoice, match=r"tts_lm.key.3 is missing"):
        load_voice(DATA / "voice.pt", deeper)


@pytest.mark.skipif(not REAL.exists(), reason="Microsoft's voice files are not at hand")
def test_real_voices(tmp_path: Path) -> None:
    from vibevoice_pro.models.vibevoice.network.config import TransformerConfig

    tts = TransformerConfig(896, 20, 14, 2, 4864, 1e6, 1e-6)
    base = VibeVoiceConfig.read(DATA / "checkpoint" / "config.json")
    from dataclasses import replace

    config = replace(base, text_lm=replace(tts, layers=4), tts_lm=tts)
    for path in sorted(REAL.glob("*.pt")):
        prompt = load_voice(path, config)
        assert prompt["neg_tts_lm"].prompt.positions == 1
        assert prompt["tts_lm"].prompt.positions > prompt["lm"].prompt.positions > 20
        convert_voice(path, tmp_path / "v.safetensors")
        assert same(load_voice(tmp_path / "v.safetensors", config), prompt)


def test_numbers_that_are_not_finite(config: VibeVoiceConfig, tmp_path: Path) -> None:
    path = tmp_path / "voice.safetensors"
    for value in (torch.nan, torch.inf, -torch.inf):
        tensors = load_file(DATA / "voice.safetensors")
        tensors["tts_lm.value.1"][0, 0, 0, 3] = value
        save_file(tensors, path)
        with pytest.raises(BadVoice, match=r"tts_lm.value.1 holds numbers that are not finite"):
            load_voice(path, config)


def test_a_prompt_of_no_positions(config: VibeVoiceConfig, tmp_path: Path) -> None:
    tensors = load_file(DATA / "voice.safetensors")
    tensors["lm.last_hidden_state"] = torch.zeros(1, 0, config.text_lm.hidden)
    save_file(tensors, tmp_path / "voice.safetensors")
    with pytest.raises(BadVoice, match=r"lm.last_hidden_state must be of shape \[1, P, 64\]"):
        load_voice(tmp_path / "voice.safetensors", config)
