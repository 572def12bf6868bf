"""Two hundred sessions over lines that are cut, stalled and late, and over dying servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.bad_lines import over_a_bad_line, over_killed_servers
from tests.support.processes import redis_server
from tests.support.serving import Running

pytestmark = [pytest.mark.prove, pytest.mark.timeout(1200)]


async def test_two_hundred_sessions(server: Running) -> None:
    connections = await over_a_bad_line(server.port, range(1000, 1200), 16000, at_once=40)
    print(f"200 sessions over {connections} connections: every byte as on an unbroken line")


async def test_two_hundred_sessions_over_servers_that_are_killed(
    server: Running, tmp_path: Path
) -> None:
    with redis_server(tmp_path) as redis:
        kills = await over_killed_servers(redis, server.port, range(200), kills=99, at_once=20)
    print(f"200 sessions over {kills} killed servers: every byte as with one that lives")
