"""What holds for every request: security headers, HEAD, and whose pages may connect."""

from __future__ import annotations

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.support.serving import Running, serving
from tests.support.tone import ToneModel
from tests.support.wire import next_event, nobody_connected
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.server.edge import (
    HeadAsGet,
    SecurityHeaders,
    is_loopback,
    is_same,
    parse_origins,
)

DATA = "default-src 'none'; frame-ancestors 'none'"
ROUTES = ("/config", "/api/voices", "/api/status", "/healthz", "/readyz", "/openapi.json")


@pytest.mark.parametrize(
    ("path", "status", "policy"),
    [
        *((path, 200, DATA) for path in ROUTES),
        ("/", 200, "default-src 'self'; frame-ancestors 'none'"),
        ("/main.js", 200, "default-src 'self'; frame-ancestors 'none'"),
        ("/docs-files/swagger-ui.css", 200, DATA),
        ("/no-such-page", 404, DATA),
        ("/stream?text=Hello", 426, DATA),
    ],
)
def test_every_answer_has_the_headers(server: Running, path: str, status: int, policy: str) -> None:
    for answer in (httpx.get(server.http + path), httpx.head(server.http + path)):
        assert answer.status_code == status
        assert answer.headers.get_list("content-security-policy") == [policy]
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


def test_what_a_path_takes_is_told_over_all_its_routes(server: Running) -> None:
    answer = httpx.options(f"{server.http}/api/config")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"


def test_what_is_not_allowed_has_them_too(server: Running) -> None:
    answer = httpx.post(f"{server.http}/config")
    assert answer.status_code == 405
    assert answer.headers["content-security-policy"] == DATA
    etag = httpx.get(f"{server.http}/main.js").headers["etag"]
    answer = httpx.get(f"{server.http}/main.js", headers={"If-None-Match": etag})
    assert answer.status_code == 304
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")


def test_the_docs_may_set_themselves_up_but_load_nothing_from_elsewhere(server: Running) -> None:
    for path in ("/docs", "/docs/oauth2-redirect"):
        policy = httpx.get(server.http + path).headers["content-security-policy"]
        assert "script-src 'self' 'unsafe-inline'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "http" not in policy


@pytest.mark.parametrize("path", [*ROUTES, "/", "/docs", "/main.js"])
def test_head_is_get_without_the_body(server: Running, path: str) -> None:
    got, asked = httpx.get(server.http + path), httpx.head(server.http + path)
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["content-type"] == got.headers["content-type"]
    assert int(asked.headers["content-length"]) > 0


async def test_other_scopes_pass_as_they_are() -> None:
    passed = []

    async def app(scope: object, receive: object, send: object) -> None:
        passed.append(scope)

    lifespan = {"type": "lifespan"}
    await SecurityHeaders(HeadAsGet(app))(lifespan, None, None)  # type: ignore[arg-type]
    assert passed == [lifespan]


async def opened(server: Running, origin: str | None) -> bool:
    """Whether a WebSocket is accepted; else it was refused with 403 and a sentence."""
    headers = {} if origin is None else {"Origin": origin}
    try:
        async with connect(f"{server.ws}/stream", additional_headers=headers) as ws:
            await next_event(ws, "session")
            return True
    except InvalidStatus as error:
        answer = error.response
        assert answer.status_code == 403
        assert "may not use this server" in answer.body.decode()
        assert answer.headers["Content-Security-Policy"] == DATA
        return False


async def test_pages_from_elsewhere_are_refused(server: Running) -> None:
    assert await opened(server, None)
    assert await opened(server, server.http)
    for origin in (
        "http://evil.example", "null", "", "file://", f"http://localhost:{server.port}",
        "http://127.0.0.1", f"{server.http}.evil.example", "http://[", "http://127.0.0.1:x",
    ):  # fmt: skip
        assert not await opened(server, origin), origin
    await nobody_connected(server.http)


async def test_pages_that_are_listed_are_served() -> None:
    with serving(ToneModel(), allowed_origins="https://a.example, HTTP://b.example:81/") as some:
        assert await opened(some, "https://a.example")
        assert await opened(some, "http://b.example:81")
        assert await opened(some, some.http)
        assert not await opened(some, "http://a.example")
        assert not await opened(some, "http://b.example")
        assert not await opened(some, "null")
    with serving(ToneModel(), allowed_origins="*") as all_of_them:
        assert await opened(all_of_them, "http://evil.example")
        assert await opened(all_of_them, "null")


def test_a_name_that_leads_here_by_a_trick_is_not_believed(server: Running) -> None:
    port = server.port
    for host, believed in (
        (f"127.0.0.1:{port}", True), (f"localhost:{port}", True), (f"a.localhost:{port}", True),
        (f"[::1]:{port}", True), (f"evil.example:{port}", False), (f"localhost.evil:{port}", False),
    ):  # fmt: skip
        headers = {"Origin": f"http://{host}", "Host": host}
        answer = httpx.post(f"{server.http}/api/config", json={"steps": 5}, headers=headers)
        assert answer.status_code == (200 if believed else 403), host
    assert httpx.post(f"{server.http}/api/config", json={"steps": 5}).status_code == 200
    assert httpx.get(f"{server.http}/api/config", headers={"Origin": "http://x"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("box", False)],
)
def test_whether_only_this_machine_reaches_a_server(host: str, alone: bool) -> None:
    assert is_loopback(host) is alone


@pytest.mark.parametrize("text", ["example.org", "https://", "https://a.example/page", "*.org"])
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(BadParameter, match="allowed_origins must be origins like"):
        parse_origins(f"https://fine.example,{text}")


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("https://a.example", "a.example", True),  # behind a proxy that took TLS off
        ("https://a.example", "A.example:443", True),
        ("http://a.example:8080", "a.example:8080", True),
        ("http://[::1]:7860", "[::1]:7860", True),
        ("https://a.example", "a.example:80", False),
        ("http://a.example", "a.example:7860", False),
        ("http://a.example", "", False),
        ("null", "null", False),
    ],
)
def test_the_same_origin(origin: str, host: str, same: bool) -> None:
    assert is_same(origin, host) is same
