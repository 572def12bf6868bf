"""What people may type as a server's address."""

from __future__ import annotations

import pytest

from vibevoice_pro.client.address import URL, http_url, stream_url


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (URL, URL),
        ("ws://host:7860", "ws://host:7860/stream"),
        ("ws://host:7860/", "ws://host:7860/stream"),
        ("ws://host:7860/stream/", "ws://host:7860/stream"),
        ("http://host:7860", "ws://host:7860/stream"),
        ("https://example.org", "wss://example.org/stream"),
        ("wss://example.org/speech", "wss://example.org/speech/stream"),
        ("wss://example.org/speech/stream", "wss://example.org/speech/stream"),
        ("ws://[::1]:7860", "ws://[::1]:7860/stream"),
        (" HTTP://host ", "ws://host/stream"),
    ],
)
def test_addresses(address: str, url: str) -> None:
    assert stream_url(address) == url
    assert stream_url(url) == url


@pytest.mark.parametrize(
    "address",
    ["", "host", "host:7860", "localhost:7860/stream", "ftp://host", "ws://", "ws:///stream",
     "ws://host:port", "ws://host:99999", "ws://[::1"],
)  # fmt: skip
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match="the address must be like ws://host:7860 or ws://") as no:
        stream_url(address)
    assert repr(address) in str(no.value)


@pytest.mark.parametrize("address", ["ws://host/stream?voice=x", "ws://host#there"])
def test_parameters_do_not_belong_into_the_address(address: str) -> None:
    with pytest.raises(ValueError, match="no query"):
        stream_url(address)


def test_what_is_beside_the_stream() -> None:
    assert http_url("ws://a:1/stream", "/api/status") == "http://a:1/api/status"
    assert http_url("wss://a/tts", "/api/status") == "https://a/tts/api/status"
