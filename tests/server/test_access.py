"""API keys: who is let in, with what, and where the key must not appear."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from tests.support.wire import next_event
from vibevoice_pro.bench.server import bench
from vibevoice_pro.client import Refused, Speech, speak
from vibevoice_pro.client.codes import CloseCode
from vibevoice_pro.config.keys import Key, digest, new_secret, write_keys
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.server import auth
from vibevoice_pro.server.app import create_app

ADMIN, USER = new_secret(), new_secret()
KEYS = (
    Key(name="boss", sha256=digest(ADMIN), admin=True),
    Key(name="anna", sha256=digest(USER), streams=1),
)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    write_keys(path, KEYS)
    return path


async def refusal(url: str, **headers: str) -> str:
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, additional_headers=headers)
    assert refused.value.response.status_code == 401
    return refused.value.response.body.decode()


async def test_a_stream_needs_a_key(keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(ToneModel(), keys=str(keys)) as running:
        assert "needs an API key; send it as" in await refusal(f"{running.ws}/stream?text=Hi")
        assert "no such API key" in await refusal(f"{running.ws}/stream?api_key=x")
        assert "no such API key" in await refusal(
            f"{running.ws}/stream", Authorization=f"Bearer {USER}x"
        )
        for headers in (
            {"Authorization": f"Bearer {USER}"}, {"Authorization": f"token {USER}"},
            {"xi-api-key": USER}, {"X-API-Key": USER},
        ):  # fmt: skip
            async with connect(f"{running.ws}/stream?text=Hi", additional_headers=headers) as ws:
                await next_event(ws, "end")
        for query in (f"api_key={USER}&text=Hi+%C3%A4", f"text=Hi&xi-api-key={USER}"):
            async with connect(f"{running.ws}/stream?{query}") as ws:
                await next_event(ws, "end")
    assert "key=anna" in caplog.text
    ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("vibevoice"))
    assert USER not in ours, "a key was logged"
    assert USER not in "\n".join(r.getMessage() for r in caplog.records if "uvicorn" in r.name)


async def test_an_owner_s_sessions_are_its_own(keys: Path) -> None:
    with serving(ToneModel(), keys=str(keys)) as running:
        mine = {"Authorization": f"Bearer {USER}"}
        async with connect(f"{running.ws}/stream", additional_headers=mine) as ws:
            id_ = (await next_event(ws, "session"))["session_id"]
            url = f"{running.ws}/stream?session_id={id_}&offset=0&api_key={ADMIN}"
            async with connect(url) as other:
                assert (await next_event(other, "error"))["code"] == "no_session"
            async with connect(f"{running.ws}/stream", additional_headers=mine) as second:
                error = await next_event(second, "error")
                assert (error["code"], error["retry_after"]) == ("over_quota", 5)
                await second.wait_closed()
                assert second.close_code == CloseCode.OVER_QUOTA


def test_what_needs_a_key_and_what_an_administrator_s(keys: Path) -> None:
    with serving(ToneModel(), keys=str(keys)) as running:
        for path in ("/", "/main.js", "/healthz", "/readyz"):
            assert httpx.get(running.http + path).status_code == 200, path
        for path in ("/api/status", "/api/voices", "/config", "/metrics", "/docs", "/openapi.json",
                     "/api/config", "/none", "/index.html/../api/status"):  # fmt: skip
            answer = httpx.get(running.http + path)
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        user, boss = ({"Authorization": f"Bearer {key}"} for key in (USER, ADMIN))
        assert httpx.get(f"{running.http}/api/status", headers=user).status_code == 200
        assert httpx.get(f"{running.http}/api/status?api_key={USER}").status_code == 401
        for method in ("GET", "POST"):
            url, body = f"{running.http}/api/config", {"steps": 6}
            answer = httpx.request(method, url, json=body, headers=user)
            assert answer.status_code == 403
            assert "the key anna is no administrator's" in answer.json()["error"]
            assert httpx.request(method, url, json=body, headers=boss).status_code == 200


def test_keys_come_and_go_while_it_runs(
    keys: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(auth, "POLL_S", 0.02)

    def comes(status: int) -> None:
        by = time.monotonic() + 10
        headers = {"Authorization": f"Bearer {USER}"}
        while httpx.get(f"{running.http}/api/status", headers=headers).status_code != status:
            assert time.monotonic() < by

    with serving(ToneModel(), keys=str(keys)) as running:
        comes(200)
        write_keys(keys, KEYS[:1])
        comes(401)
        write_keys(keys, KEYS)
        comes(200)
        keys.write_text("no")
        by = time.monotonic() + 10
        while "the keys stay what they were" not in caplog.text and time.monotonic() < by:
            time.sleep(0.01)
        comes(200)
        keys.unlink()
        time.sleep(0.1)
        comes(200)
        write_keys(keys, [])
        comes(401)


def test_a_file_of_keys_that_is_named_must_be_there(tmp_path: Path) -> None:
    with serving(ToneModel()) as running:
        settings = running.service.settings.model_copy(update={"keys": str(tmp_path / "none")})
        running.service.settings = settings
        with pytest.raises(BadParameter, match="keys add NAME makes one"):
            create_app(running.service)


async def test_the_client_brings_a_key(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(ToneModel(), keys=str(keys)) as running:
        with pytest.raises(Refused, match="needs an API key") as refused:
            async with Speech(running.ws):
                pass
        assert refused.value.code == CloseCode.ACCESS_DENIED
        with pytest.raises(Refused, match="no such API key"):
            list(speak("Hello.", running.ws, api_key="wrong"))
        assert b"".join(speak("Hello.", running.ws, api_key=USER))
        monkeypatch.setenv("VIBEVOICE_API_KEY", USER)
        assert b"".join(speak("Hello.", running.ws))


def cross(running: Running, method: str, origin: str, **headers: str) -> httpx.Response:
    return httpx.request(
        method, f"{running.http}/api/status", headers={"Origin": origin, **headers}
    )


def test_pages_that_are_listed_may_read_answers() -> None:
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "xi-api-key"}
    with serving(ToneModel(), allowed_origins="https://a.example") as running:
        answer = cross(running, "GET", "https://a.example")
        assert answer.headers["Access-Control-Allow-Origin"] == "https://a.example"
        answer = cross(running, "OPTIONS", "https://a.example", **ask)
        assert answer.status_code == 200
        assert "xi-api-key" in answer.headers["Access-Control-Allow-Headers"]
        assert (
            "Access-Control-Allow-Origin" not in cross(running, "GET", "https://b.example").headers
        )
        assert cross(running, "OPTIONS", "https://b.example", **ask).status_code == 400
    with serving(ToneModel()) as running:
        assert (
            "Access-Control-Allow-Origin" not in cross(running, "GET", "https://a.example").headers
        )


def test_bench_brings_a_key(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(running: Running) -> dict[str, Any]:
        report = bench(
            running.ws, [1], 1.0, 20, 1, 0.0, True, lambda: None, lambda report: None
        )  # fmt: skip
        first: dict[str, Any] = report["runs"][0]
        return first

    with serving(ToneModel(), keys=str(keys)) as running:
        assert run(running)["refused_or_failed"] == 1
        monkeypatch.setenv("VIBEVOICE_API_KEY", USER)
        assert run(running)["refused_or_failed"] == 0
