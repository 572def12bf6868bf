"""The voices of the embedded model: named, downloaded, verified, spoken."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from tests.support.hub import Hub, serving
from tests.support.machine import Machine
from tests.support.stand_ins import FILE, HEART, OTHERS, PRELUDE, register, save
from vibevoice_pro.errors import BadParameter, BadVoice
from vibevoice_pro.models.base import Options
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.models.hibari.voice import load
from vibevoice_pro.models.hibari.voices import REPO, VOICE, VOICES, pull

EMMA, FENRIR = "en-GB-Emma_woman", "en-US-Fenrir_man"
TEXT = "Tomatoes are on the schedule."


def spoken(model: HibariModel, *voices: str) -> list[bytes]:
    """What voices make of `TEXT`, all of them in each step."""
    utterances = [model.open(voice, Options()) for voice in voices]
    waves = [b""] * len(voices)
    for utterance in utterances:
        utterance.feed(TEXT)
        utterance.finish()
        utterance.prepare()
    while all(utterance.ready for utterance in utterances):
        for i, chunk in enumerate(model.step(utterances)):
            waves[i] += chunk.wave.tobytes()
        for utterance in utterances:
            utterance.prepare()
    assert all(utterance.done for utterance in utterances)
    return waves


# --- which there are --------------------------------------------------------------------------


def test_five_are_known() -> None:
    assert {id_: (f.voice.language, f.voice.gender) for id_, f in VOICES.items()} == {
        "en-Heart_woman": ("en-US", "woman"),
        "en-GB-Emma_woman": ("en-GB", "woman"),
        "en-US-Fenrir_man": ("en-US", "man"),
        "en-GB-Fable_man": ("en-GB", "man"),
        "en-US-Kore_woman": ("en-US", "woman"),
    }
    assert next(iter(VOICES)) == VOICE.id
    assert {f.voice.licence for f in VOICES.values()} == {"Apache-2.0"}
    assert {id_ for id_, f in VOICES.items() if f.british} == {EMMA, "en-GB-Fable_man"}


def test_the_one_in_the_wheel_is_what_the_registry_says() -> None:
    assert sha256(FILE).hexdigest() == HEART.sha256


def test_only_what_was_pulled_is_offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)
    assert list(HibariModel(home=tmp_path).voices) == [VOICE.id]
    save(tmp_path, FENRIR)
    assert list(HibariModel(home=tmp_path).voices) == [VOICE.id, FENRIR]


# --- spoken -----------------------------------------------------------------------------------


@pytest.fixture
def five(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HibariModel:
    """All five voices, four of them stand-ins."""
    register(monkeypatch)
    save(tmp_path)
    model = HibariModel(workers=3, home=tmp_path)
    assert list(model.voices) == list(VOICES)
    return model


def test_a_batch_of_different_voices(five: HibariModel, compact: HibariModel) -> None:
    heart, emma, fenrir = alone = [spoken(five, voice)[0] for voice in (VOICE.id, EMMA, FENRIR)]
    assert spoken(five, VOICE.id, EMMA, FENRIR) == alone, "as if each were alone"
    assert heart == spoken(compact, VOICE.id)[0], "as if there were no others"
    assert heart == fenrir, "the stand-in has the same network and accent"
    assert heart != emma, "whose phonemes are British"
    assert np.abs(np.frombuffer(emma, np.float32)).max() > 0.1


def test_british_phonemes(five: HibariModel) -> None:
    heart, emma = (five.open(voice, Options()).speaker.g2p for voice in (VOICE.id, EMMA))
    assert heart("tomato schedule") == "təmˈATO skˈɛʤˌul"
    assert emma("tomato schedule") == "təmˈɑːtQ ʃˈɛdjuːl"


# --- damaged ----------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [FILE[:-1], FILE[:-1] + b"\0", b""])
def test_a_damaged_voice_is_left_out(
    content: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    register(monkeypatch)
    save(tmp_path, EMMA, content=content)
    save(tmp_path, FENRIR)
    assert list(HibariModel(home=tmp_path).voices) == [VOICE.id, FENRIR]
    (told,) = caplog.messages
    assert told.startswith(f"{EMMA}: {VOICES[EMMA].path(tmp_path)} is damaged (wrong SHA-256); ")
    assert "vibevoice-pro pull --voices" in told


def test_what_is_no_voice_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    content = b"no network, although its sum is right"
    changed = replace(VOICES[EMMA], sha256=sha256(content).hexdigest())
    monkeypatch.setitem(VOICES, EMMA, changed)
    save(tmp_path, EMMA, content=content)
    assert list(HibariModel(home=tmp_path).voices) == [VOICE.id]
    assert f"{EMMA}: " in caplog.text
    assert "is no network of hibari's" in caplog.text


def renamed(decoy: bool) -> bytes:
    """The network, in which the value with the durations has another number."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    model = onnx.load_from_string(FILE)
    for node in model.graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                names[i] = "/Clip_7_output_0" if name == "/Clip_output_0" else name
    if decoy:  # of the right type and shape, but not what is looked for
        tensor = onnx.helper.make_tensor("top", onnx.TensorProto.FLOAT, [], [1.0])
        model.graph.initializer.append(tensor)
        model.graph.node.append(
            onnx.helper.make_node("Clip", ["/Clip_7_output_0", "", "top"], ["/Clip_output_0"])
        )
    return model.SerializeToString()


@pytest.mark.parametrize("decoy", [False, True])
def test_the_durations_are_found_by_what_they_are(decoy: bool, tmp_path: Path) -> None:
    path = tmp_path / "voice.onnx"
    path.write_bytes(renamed(decoy))
    ids = np.asarray([[0, *range(50, 80), 0]], np.int64)
    inputs = {"ids": ids, "speed": np.ones(1, np.float32)}
    found, known = (voice.sess.run(None, inputs)[-1] for voice in (load(path), load()))
    assert np.array_equal(found, known)


def test_a_network_without_durations(tmp_path: Path) -> None:
    path = tmp_path / "voice.onnx"
    path.write_bytes(FILE.replace(b"Clip_output_0", b"Cl1p_output_0"))
    with pytest.raises(BadVoice, match="does not tell how long its phonemes are"):
        load(path)


# --- downloaded -------------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    repos = {REPO: {f"voices/{VOICES[id_].file}": FILE for id_ in OTHERS}}
    with serving(Hub(repos)) as hub:
        yield Machine(tmp_path, hub, PRELUDE)


def files(machine: Machine) -> list[str]:
    """All that is in the folder of the voices."""
    folder = VOICES[EMMA].path(machine.home / "ours").parent
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


ALL = sorted(VOICES[id_].file for id_ in OTHERS)
CDN = f"/cdn/{HEART.sha256}"


def test_pull_and_speak(machine: Machine) -> None:
    said = machine.pull("--voices")
    assert said.splitlines()[-1] == "now: vibevoice-pro serve --model compact"
    assert all(voice in said for voice in VOICES)
    assert files(machine) == ALL, "and nothing beside them"
    assert len(machine.hub.got(CDN)) == 4
    assert {request.token for request in machine.hub.got(CDN)} == {""}, "kept from another host"
    machine.hub.seen.clear()
    machine.pull("--voices")
    assert not machine.hub.seen, "all is here"
    code, shown, said = machine.run("voices", "--model", "compact")
    assert code == 0, said
    assert all(voice in shown for voice in VOICES)
    code, _, said = machine.run("say", "Good day.", "-o", "out.wav", "--voice", EMMA)
    assert code == 0, said
    assert (machine.home / "out.wav").stat().st_size > 20_000
    assert not machine.hub.seen, "to speak needs no network"


def test_pull_one(machine: Machine) -> None:
    machine.pull("--voices", "--voice", EMMA)
    assert files(machine) == [VOICES[EMMA].file]
    assert "has no voice 'nobody'; it has en-Heart_woman, " in machine.fails(
        "--voices", "--voice", "nobody"
    )
    with pytest.raises(BadParameter, match="has no voice"):
        pull(machine.home, ["nobody"])


def test_a_download_that_breaks_off_is_not_taken(machine: Machine) -> None:
    machine.hub.cuts[CDN] = [3_000_000, *[0] * 6]
    assert f"{REPO} could not be downloaded from {machine.hub.url}: " in machine.fails("--voices")
    assert files(machine) == []
    machine.pull("--voices")
    assert files(machine) == ALL


def test_a_stopped_pull_leaves_nothing(machine: Machine) -> None:
    machine.hub.held = {CDN}
    with machine.start("pull", "--voices") as process:
        assert machine.hub.reached.wait(60)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert "stopped; complete files are kept" in said
    assert files(machine) == []


def test_damaged_on_the_way(machine: Machine) -> None:
    machine.hub.instead[CDN] = FILE[:-1] + b"\0"
    said = machine.fails("--voices")
    assert said.startswith(f"{EMMA} was damaged (wrong SHA-256 of voices/{VOICES[EMMA].file} of ")
    assert files(machine) == []


def test_damaged_on_this_machine(machine: Machine) -> None:
    save(machine.home / "ours")
    save(machine.home / "ours", FENRIR, content=FILE[:5000])
    machine.pull("--voices")
    assert len(machine.hub.got(CDN)) == 1, "only what is damaged"
    assert VOICES[FENRIR].path(machine.home / "ours").read_bytes() == FILE


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        ([], {"HF_HUB_OFFLINE": "1"}, f"{REPO} is not on this machine, and HF_HUB_OFFLINE is set"),
        ([], {"HF_ENDPOINT": "http://127.0.0.1:1"},
         f"{REPO} could not be downloaded from http://127.0.0.1:1: "),
        ([], {"VIBEVOICE_HOME": "/dev/null"}, "cannot write /dev/null/"),
    ],
)  # fmt: skip
def test_pulls_that_fail_say_why(
    machine: Machine, arguments: list[str], environment: dict[str, str], message: str
) -> None:
    assert message in machine.fails("--voices", *arguments, **environment)


@pytest.mark.parametrize("arguments", [["mine"], ["--voices-from", "mine"], ["--revision", "v2"]])
def test_voices_alone_take_no_name(machine: Machine, arguments: list[str]) -> None:
    code, _, said = machine.run("pull", "--voices", *arguments)
    assert code == 2
    assert "a checkpoint's voices come from where --voices-from says" in said


PROGRESS = """
import json
from pathlib import Path
from vibevoice_pro.models.hibari.voices import pull
pull(Path("ours"), ["en-GB-Emma_woman"], lambda *now: print(json.dumps(now)))
"""


def test_progress_is_in_bytes(machine: Machine) -> None:
    with machine.python("-c", PRELUDE + PROGRESS) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    told = [json.loads(line) for line in out.splitlines()]
    assert {name for name, _, _ in told} == {EMMA}
    assert told == sorted(told)
    assert told[-1][1:] == [len(FILE), len(FILE)]
