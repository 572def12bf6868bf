"""Two hundred sessions over lines that are cut, stalled, halved and late."""

from __future__ import annotations

import pytest

from tests.client.test_client import over_a_bad_line
from tests.conftest import Running

pytestmark = [pytest.mark.prove, pytest.mark.timeout(1200)]


async def test_two_hundred_sessions(server: Running) -> None:
    connections = await over_a_bad_line(server.port, range(1000, 1200), 16000, at_once=40)
    print(f"200 sessions over {connections} connections: every byte as on an unbroken line")
