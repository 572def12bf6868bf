"""What the server says about itself, over HTTP."""

from __future__ import annotations

import httpx
import pytest

from tests.support.engines import stream_config
from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.engine.host import Host
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.aliases import Alias, load_aliases
from vibevoice_pro.models.hibari.model import HibariModel
from vibevoice_pro.models.hibari.voices import VOICES
from vibevoice_pro.models.kokoro import voices as kokoro
from vibevoice_pro.models.vibevoice.published import PUBLISHED
from vibevoice_pro.speech.build import build_service


def get(server: Running, path: str) -> httpx.Response:
    return httpx.get(server.http + path, timeout=10)


def test_config_has_the_form_of_the_demo(server: Running) -> None:
    assert get(server, "/config").json() == {
        "voices": ["en-Heart_woman"], "default_voice": "en-Heart_woman"
    }  # fmt: skip


def test_voices(server: Running) -> None:
    voice, *others = get(server, "/api/voices").json()
    assert voice.pop("aliases") == [a.name for a in load_aliases().values() if is_listed(a)]
    assert voice == {
        "id": "en-Heart_woman", "language": "en-US", "gender": "woman", "licence": "Apache-2.0",
        "description": "warm; comes with the install", "installed": True, "install": "",
    }  # fmt: skip
    assert not any(other["installed"] for other in others)
    english = [v for v in VOICES if v != voice["id"]]
    assert [o["id"] for o in others] == [*english, *kokoro.VOICES, *PUBLISHED]
    installs = {other["id"]: other["install"] for other in others}
    assert installs["en-GB-Emma_woman"] == "vibevoice-pro pull --voices"
    assert installs["de-Spk0_man"].endswith("vibevoice-pro pull --voice de-Spk0_man")


def is_listed(alias: Alias) -> bool:
    if alias.origin not in ("published", "openai"):
        return False
    return not alias.language or alias.language.startswith("en")


def test_status(compact: HibariModel) -> None:
    with serving(compact) as fresh:
        status = get(fresh, "/api/status").json()
    assert status["healthy"] is True
    assert status["streams"] == 0
    assert 0 < status["memory_used"] < status["memory_budget"]
    assert status["capacity"] >= 1
    knobs = status["model"]["knobs"]
    assert knobs["speed"]["available"] is True
    assert knobs["cfg"]["available"] is False
    assert "no diffusion model" in knobs["cfg"]["reason"]


def test_health(compact: HibariModel) -> None:
    with serving(compact) as running:
        assert get(running, "/healthz").json() == {"status": "ok"}
        assert get(running, "/readyz").status_code == 200
        running.engine.stop()
        assert get(running, "/healthz").status_code == 503
        assert get(running, "/readyz").status_code == 503


def test_ready_only_with_room() -> None:
    with serving(ToneModel(), max_streams=1) as running:
        assert get(running, "/readyz").status_code == 200
        stream = running.engine.open(stream_config("xx-Tone"))
        answer = get(running, "/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "full"})
        assert get(running, "/healthz").status_code == 200
        stream.close()


def test_openapi_describes_every_route(server: Running) -> None:
    paths = get(server, "/openapi.json").json()["paths"]
    for path in ("/config", "/api/voices", "/api/status", "/healthz", "/readyz"):
        assert paths[path]["get"]["summary"]
    assert get(server, "/docs").status_code == 200


def test_plain_http_on_the_stream_is_told_so(server: Running) -> None:
    answer = get(server, "/stream?text=Hello")
    assert answer.status_code == 426
    assert "WebSocket" in answer.json()["error"]


def test_console_is_served(server: Running) -> None:
    page = get(server, "/")
    assert page.status_code == 200
    assert "VibeVoice Pro" in page.text
    assert get(server, "/no-such-page").status_code == 404
    assert get(server, "/../pyproject.toml").status_code == 404


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"default_voice": "nobody"}, "default_voice must be one of en-Heart_woman"),
        ({"aliases": "/no/such/file"}, "aliases: /no/such/file: No such file"),
        ({"memory_limit": "lots"}, "looks like 4500MB"),
    ],
)
def test_settings_that_do_not_fit(
    compact: HibariModel, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(BadParameter, match=message):
        build_service([Host(compact)], Settings(**changes))


def test_default_voice_of_the_model_is_used(compact: HibariModel) -> None:
    with serving(compact, default_voice="en-Heart_woman", steps=7) as running:
        assert get(running, "/api/status").json()["model"]["knobs"]["steps"]["default"] == 7
