"""The wire is what it was: sessions recorded at an earlier version, byte for byte.

`recorded_wire.json` holds what a server with the tone model answered. After a wanted change of the
wire, write it anew with `python -m tests.server.test_recorded_wire`, and look at the diff.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.support.recording import SCENARIOS, as_text, differences, record
from tests.support.serving import serving
from tests.support.tone import ToneModel

RECORDED = Path(__file__).with_name("recorded_wire.json")
RESAMPLED = ("at 8000", "at 24000", "at 48000", "at 24 kHz")
"""Rates for which a filter runs, whose last bit may differ between processors."""


def portable(recorded: dict) -> dict:
    for name, connections in recorded.items():
        if name.endswith(RESAMPLED):
            for connection in connections:
                connection["sha256"] = ""
    return recorded


@pytest.mark.parametrize("name", SCENARIOS)
async def test_the_wire_is_what_it_was(name: str) -> None:
    before = {name: json.loads(RECORDED.read_text())[name]}
    with serving(ToneModel()) as running:
        now = portable(await record(running.ws, [name]))
    # As JSON has it: lists, no tuples.
    assert differences(before, json.loads(json.dumps(now))) == []


def write() -> None:
    """Record anew."""
    with serving(ToneModel()) as running:
        recorded = portable(asyncio.run(record(running.ws)))
    RECORDED.write_text(as_text(recorded))


if __name__ == "__main__":
    write()
