"""`vibevoice-pro pull` and hub names, against a small hub of our own."""

from __future__ import annotations

import io
import json
import pickle
import signal
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.hub import COMMIT, Hub, serving, sha256
from tests.support.machine import Machine
from tests.support.vibevoice import CHECKPOINT, DATA, letter_tokenizer
from vibevoice_pro.errors import BadParameter, BadVoice, NotFetched
from vibevoice_pro.models.base import Loading, Options
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.models.registry import load_model
from vibevoice_pro.models.vibevoice import extra
from vibevoice_pro.models.vibevoice.assets import hub, pull
from vibevoice_pro.models.vibevoice.assets.voices import load_voice
from vibevoice_pro.models.vibevoice.model import VibeVoiceModel
from vibevoice_pro.models.vibevoice.network.config import VibeVoiceConfig
from vibevoice_pro.models.vibevoice.published import ENGLISH

NAME = "someone/Tiny-0.1B"
TOKENIZER = "someone/Tokens"
VOICE = (DATA / "voice.pt").read_bytes()
WEIGHTS = (CHECKPOINT / "model.safetensors").read_bytes()


def voices_of(machine: Machine) -> Path:
    return machine.home / "ours" / "voices" / NAME.replace("/", "--")


def kept(machine: Machine) -> list[str]:
    return sorted(p.name for p in voices_of(machine).glob("*"))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    checkpoint = {
        "config.json": (CHECKPOINT / "config.json").read_bytes(),
        "preprocessor_config.json": json.dumps(
            {"language_model_pretrained_name": TOKENIZER}
        ).encode(),
        "model.safetensors": WEIGHTS,
        "figures/loss.png": b"not wanted",
    }
    repos = {NAME: checkpoint, TOKENIZER: {"tokenizer.json": letter_tokenizer().encode()}}
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    with serving(Hub(repos, dict.fromkeys([*ENGLISH, "de-Spk0_man"], VOICE))) as server:
        yield Machine(tmp_path, server)


def hostile() -> bytes:
    """A voice that would make a file, if it were unpickled by Python itself."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(VOICE)) as source, zipfile.ZipFile(out, "w") as target:
        for entry in source.infolist():
            code = b"\x80\x02cos\nmkdir\nX\x03\0\0\0ran\x85R."
            target.writestr(entry, code if entry.filename.endswith(".pkl") else source.read(entry))
    with pytest.raises(FileExistsError):
        pickle.loads(code.replace(b"\x03\0\0\0ran", b"\x01\0\0\0/"))
    return out.getvalue()


def damaged() -> bytes:
    """A voice with one bit of a tensor wrong."""
    with zipfile.ZipFile(io.BytesIO(VOICE)) as archive:
        entry = max(archive.infolist(), key=lambda e: e.file_size)
    place = entry.header_offset + 30 + len(entry.filename) + entry.file_size
    return VOICE[:place] + bytes([VOICE[place] ^ 1]) + VOICE[place + 1 :]


def test_pull_and_speak(machine: Machine) -> None:
    said = machine.pull(NAME)
    assert said.splitlines()[-1] == f"now: vibevoice-pro serve --model {NAME}"
    assert kept(machine) == sorted(f"{voice}.safetensors" for voice in ENGLISH)
    assert not machine.hub.got(f"/{NAME}/resolve/{COMMIT}/figures")
    assert {r.token for r in machine.hub.got("/cdn") + machine.hub.got("/voices")} == {""}

    told: list[tuple[int, int]] = []
    model = load_model(
        NAME, Loading(home=machine.home / "ours", on_progress=lambda *now: told.append(now))
    )
    assert isinstance(model, VibeVoiceModel)
    assert model.info.name == NAME
    assert sorted(model.voices) == sorted(ENGLISH)
    assert told[-1][0] == told[-1][1] > len(WEIGHTS) // 8  # numbers, not bytes
    utterance = model.open("en-Emma_woman", Options())
    utterance.feed("hello there.")
    utterance.finish()
    utterance.prepare()
    assert utterance.ready
    assert model.step([utterance])[0].wave.size == 3200

    machine.hub.seen.clear()
    machine.pull(NAME)
    assert not machine.hub.got("/cdn") + machine.hub.got("/voices"), "it is all here already"
    machine.hub.seen.clear()
    code, shown, said = machine.run("voices", "--model", NAME)
    assert code == 0, said
    assert "en-Emma_woman" in shown
    assert not machine.hub.seen, "to speak needs no network"


def test_a_dropped_connection_is_resumed(machine: Machine) -> None:
    """huggingface_hub continues after the last complete 10 MiB."""
    large = bytes(25_000_000)
    machine.hub.repos[NAME]["model-2.safetensors"] = large
    path = f"/cdn/{sha256(large)}"
    machine.hub.cuts[path] = [21_000_000, 7]
    machine.pull(NAME, "--voice", "en-Davis_man")
    assert [r.range for r in machine.hub.got(path)] == ["", *["bytes=20971520-"] * 2]
    (cached,) = machine.cache.rglob("model-2.safetensors")
    assert cached.read_bytes() == large


def test_a_failed_pull_leaves_no_partial_file(machine: Machine) -> None:
    """huggingface_hub deletes an incomplete file; complete ones are kept."""
    weights, voice = f"/cdn/{sha256(WEIGHTS)}", "/voices/en-Davis_man.pt"
    machine.hub.cuts.update({weights: [3_000_000, *[0] * 6], voice: [30_000]})
    assert f"{NAME} could not be downloaded from {machine.hub.url}: " in machine.fails(NAME)
    assert hub.find(NAME, machine.home / "ours") is None
    assert not list(machine.home.rglob("*.incomplete"))
    assert "/voices/en-Davis_man.pt could not be downloaded: " in machine.fails(NAME)
    assert machine.hub.got(weights)[-1].range == "", "from the start"
    assert kept(machine) == ["en-Carter_man.safetensors"]
    machine.hub.seen.clear()
    machine.pull(NAME)
    assert not machine.hub.got(weights), "it was complete"
    assert kept(machine) == sorted(f"{voice}.safetensors" for voice in ENGLISH)


def test_an_interrupted_pull(machine: Machine) -> None:
    weights = f"/cdn/{sha256(WEIGHTS)}"
    machine.hub.held = {weights}
    with machine.start("pull", NAME) as process:
        assert machine.hub.reached.wait(60)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    assert said.splitlines()[1:] == ["error: stopped; complete files are kept"]
    assert not list(machine.home.rglob("*.incomplete"))
    machine.hub.held.clear()
    machine.pull(NAME, "--voice", "en-Emma_woman")


PROGRESS = """
import json, sys
from pathlib import Path
from vibevoice_pro.models.vibevoice.assets.pull import pull
name, home, voices = sys.argv[1:]
tell = lambda *now: print(json.dumps(now))
pull(name, Path(home), "", ["en-Emma_woman"], voices, tell)
"""


def test_progress_is_in_bytes(machine: Machine) -> None:
    machine.hub.cuts[f"/cdn/{sha256(WEIGHTS)}"] = [3_000_000]
    arguments = NAME, str(machine.home / "ours"), f"{machine.hub.url}/voices"
    with machine.python("-c", PROGRESS, *arguments) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    told = [json.loads(line) for line in out.splitlines()]
    for name, size in (("model.safetensors", len(WEIGHTS)), ("en-Emma_woman", len(VOICE))):
        numbers = [(done, total) for file, done, total in told if file == name]
        assert numbers == sorted(numbers)
        assert numbers[-1] == (size, size)


def test_downloads_that_fail_say_why(machine: Machine) -> None:
    with pytest.raises(BadParameter, match=f"{NAME} is not on this machine: vibevoice-pro pull"):
        load_model(NAME, Loading(home=machine.home))
    url = machine.hub.url
    for arguments, environment, message in [
        ([NAME], {"HF_HUB_OFFLINE": "1"},
         f"{NAME} is not on this machine, and HF_HUB_OFFLINE is set"),
        ([NAME], {"HF_ENDPOINT": "http://127.0.0.1:1"},
         f"{NAME} could not be downloaded from http://127.0.0.1:1: "),
        (["no/such"], {}, f"no/such is not on {url}, or it is private"),
        ([NAME, "--revision", "v9"], {}, f"{NAME} has no such revision on {url}"),
        ([TOKENIZER], {}, "config.json: No such file"),
        (["tiny"], {}, "a model name must look like owner/name; got 'tiny'"),
        ([NAME, "--voice", "../x"], {}, "a voice name must look like en-Carter_man; got"),
    ]:  # fmt: skip
        assert message in machine.fails(*arguments, **environment)
    assert not machine.hub.got("/cdn")
    machine.hub.closed.add(NAME)
    assert f"{NAME} is gated: accept its terms at {url}/{NAME} and set HF_TOKEN" in machine.fails(
        NAME
    )


def test_voices_that_are_refused(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.chdir(machine.home)
    found = hub.Found(CHECKPOINT, voices_of(machine))
    url = f"{machine.hub.url}/voices"
    for bad, message in [
        (hostile(), "was refused: it asks for os.mkdir, which no voice needs"),
        (damaged(), "is no voice file: Bad CRC-32"),
        (b"<html>", "is no voice file"),
    ]:
        machine.hub.voices["en-Davis_man"] = bad
        with pytest.raises(
            BadVoice, match=rf"{message}.* \(downloaded from {url}/en-Davis_man.pt\)"
        ):
            pull.pull_voices(found, voices_url=url)
        assert kept(machine) == ["en-Carter_man.safetensors"]
    assert not (machine.home / "ran").exists()
    (voices_of(machine) / "en-Carter_man.safetensors").write_bytes(b"damaged on this machine")
    pull.pull_voices(found, "", ["en-Carter_man"], url)
    model = VibeVoiceConfig.read(found.folder / "config.json")
    load_voice(voices_of(machine) / "en-Carter_man.safetensors", model)
    with pytest.raises(NotFetched, match=r"/voices/nobody.pt answers 404"):
        pull.pull_voices(found, "", ["nobody"], url)


def test_voices_from_elsewhere(machine: Machine) -> None:
    folder = machine.home / "mine"
    folder.mkdir()
    (folder / "en-Me_man.pt").write_bytes(VOICE)
    (folder / "en-You_man.safetensors").write_bytes((DATA / "voice.safetensors").read_bytes())
    found = hub.Found(CHECKPOINT, voices_of(machine))
    pull.pull_voices(found, str(folder), ["en-You_man"])
    assert kept(machine) == ["en-You_man.safetensors"]
    pull.pull_voices(found, str(folder))
    assert kept(machine) == ["en-Me_man.safetensors", "en-You_man.safetensors"]
    with pytest.raises(BadParameter, match="mine has no voice x; it has en-Me_man, en-You_man"):
        pull.pull_voices(found, str(folder), ["x"])
    with pytest.raises(BadVoice, match=r"has no voice files \(\*\.pt or \*\.safetensors\)"):
        pull.pull_voices(found, str(machine.home))
    with pytest.raises(BadParameter, match="or from owner/name or owner/name/folder on the hub"):
        pull.pull_voices(found, "nowhere")


def test_voices_from_the_hub(machine: Machine) -> None:
    machine.hub.repos["someone/voices"] = {
        "top.pt": VOICE, "model.safetensors": b"not wanted", "more/en-A_man.pt": VOICE,
        "more/en-B_man.pt": VOICE,
    }  # fmt: skip
    machine.pull(NAME, "--voices-from", "someone/voices")
    assert kept(machine) == ["top.safetensors"]
    machine.pull(NAME, "--voices-from", "someone/voices/more", "--voice", "en-B_man")
    assert kept(machine) == ["en-B_man.safetensors", "top.safetensors"]
    said = machine.fails(NAME, "--voices-from", "someone/voices/none")
    assert said == "someone/voices/none has no voice files (*.pt or *.safetensors)"


def test_a_checkpoint_with_voices_of_its_own(machine: Machine) -> None:
    machine.hub.repos[NAME]["voices/en-Own_man.pt"] = VOICE
    machine.pull(f"{NAME}@{COMMIT}")
    assert not machine.hub.got("/voices/")
    machine.hub.seen.clear()
    machine.pull(f"{NAME}@{COMMIT}", HF_HUB_OFFLINE="1")
    assert not machine.hub.seen
    with pytest.raises(BadParameter, match="is not on this machine"):
        load_model(NAME)
    assert list(load_model(f"{NAME}@{COMMIT}").voices) == ["en-Own_man"]
    found = hub.find(f"{NAME}@{COMMIT}", machine.home)
    assert found is not None
    pull.pull_voices(found, str(DATA), ["voice"])
    model = load_model(f"{NAME}@{COMMIT}", Loading(home=machine.home))
    assert list(model.voices) == ["en-Own_man", "voice"], "its own, and ours beside them"


def test_damaged_weights_are_deleted(machine: Machine) -> None:
    weights = f"/cdn/{sha256(WEIGHTS)}"
    machine.hub.instead[weights] = WEIGHTS[:-1] + b"\1"
    said = machine.fails(NAME)
    assert (
        "model.safetensors of someone/Tiny-0.1B was damaged (wrong SHA-256) and has been deleted"
        in said
    )
    assert hub.find(NAME, machine.home / "ours") is None
    assert not list((machine.cache / "models--someone--Tiny-0.1B").rglob(sha256(WEIGHTS)))
    machine.hub.instead.clear()
    machine.pull(NAME, "--voice", "en-Emma_woman")
    (cached,) = machine.cache.rglob("model.safetensors")
    cached.resolve().write_bytes(b"damaged later, on this machine")
    assert "was damaged (wrong SHA-256) and has been deleted" in machine.fails(NAME)
    machine.pull(NAME)


def test_a_voice_without_an_end(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(pull, "_MAX_VOICE", 2**16)
    machine.hub.voices["en-Davis_man"] = bytes(2**20)
    found = hub.Found(CHECKPOINT, voices_of(machine))
    with pytest.raises(NotFetched, match="has more than 0 MiB, too large for a voice"):
        pull.pull_voices(found, "", ["en-Davis_man"], f"{machine.hub.url}/voices")
    assert kept(machine) == []


@pytest.fixture
def pulled(machine: Machine) -> Path:
    """A checkpoint in the cache, as another program would have put it there; voices of ours."""
    home = machine.home / "ours"
    for repo, files in ((hub.DEFAULT, machine.hub.repos[NAME]), (TOKENIZER, None)):
        place = machine.cache / f"models--{repo.replace('/', '--')}"
        (place / "refs").mkdir(parents=True)
        (place / "refs" / "main").write_text(COMMIT)
        (place / "snapshots" / COMMIT).mkdir(parents=True)
        for name, data in (files or machine.hub.repos[TOKENIZER]).items():
            if "/" not in name:
                (place / "snapshots" / COMMIT / name).write_bytes(data)
    voices = home / "voices" / hub.DEFAULT.replace("/", "--")
    voices.mkdir(parents=True)
    (voices / "en-Emma_woman.pt").write_bytes(VOICE)
    return home


def test_auto_is_the_checkpoint_when_it_is_here(
    pulled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_model("auto", Loading(home=pulled)).info.name == hub.DEFAULT
    monkeypatch.setattr(extra, "installed", lambda: False)
    assert isinstance(load_model("auto", Loading(home=pulled)), HibariModel)


def index(folder: Path) -> None:
    files = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(files))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "config.json").unlink(),
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (folder / "preprocessor_config.json").unlink(),
        lambda folder: (folder / "preprocessor_config.json").write_text(
            '{"language_model_pretrained_name": "../of/nobody"}'
        ),
        index,
        lambda folder: (folder / "model.safetensors.index.json").write_text("[]"),
    ],
)
def test_auto_is_the_embedded_voice_when_something_lacks(
    machine: Machine, pulled: Path, spoil: Callable[[Path], None]
) -> None:
    assert hub.find(hub.DEFAULT, pulled)
    assert not hub.find(hub.DEFAULT, machine.home), "no voices there"
    spoil(machine.cache / "models--microsoft--VibeVoice-Realtime-0.5B" / "snapshots" / COMMIT)
    assert not hub.find(hub.DEFAULT, pulled)


def test_without_the_extra(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "_PACKAGES", ("torch", "no_such_package"))
    assert not extra.installed()
    needs = r"needs pip install 'vibevoice-pro\[vibevoice\]' \(no_such_package is missing\)"
    for name in (NAME, str(machine.home)):
        with pytest.raises(BadParameter, match=f"{name} {needs}"):
            load_model(name)
