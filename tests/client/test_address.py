"""A server's address, however it is written."""

from __future__ import annotations

import pytest

from vibevoice_pro.client.address import http_url, stream_url


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("ws://localhost:7860", "ws://localhost:7860/stream"),
        ("ws://localhost:7860/", "ws://localhost:7860/stream"),
        ("ws://localhost:7860/stream", "ws://localhost:7860/stream"),
        ("ws://localhost:7860/stream/", "ws://localhost:7860/stream"),
        ("http://localhost", "ws://localhost/stream"),
        ("https://example.org/tts", "wss://example.org/tts/stream"),
        (" wss://[::1]:80 ", "wss://[::1]:80/stream"),
    ],
)
def test_finds_the_stream(address: str, url: str) -> None:
    assert stream_url(address) == url


def test_finds_what_is_beside_it() -> None:
    assert http_url("ws://a:1/stream", "/api/status") == "http://a:1/api/status"
    assert http_url("wss://a/tts", "/api/status") == "https://a/tts/api/status"


@pytest.mark.parametrize(
    "address", ["", "localhost", "localhost:7860", "ftp://a/b", "ws://", "ws://a:b", "ws://a?b=c"]
)
def test_says_what_an_address_looks_like(address: str) -> None:
    with pytest.raises(ValueError, match="a server's address looks like ws://host:7860"):
        stream_url(address)
