"""Eight listeners send texts made to take long; nobody else notices."""

from __future__ import annotations

import pytest

from tests.support.processes import Served
from vibevoice_pro.bench.hostile import measure

pytestmark = [pytest.mark.prove, pytest.mark.timeout(1200)]


async def test_others_hear_their_first_frame_in_time() -> None:
    served = Served()
    try:
        report = await measure(
            f"ws://127.0.0.1:{served.port}", attackers=8, chars=500_000, sentences=60
        )
    finally:
        served.kill()
    print(
        f"first frame alone {report['alone_ms']}, while eight send hostile texts "
        f"{report['attacked_ms']}, moved {report['moved_ms']} ms; {report['hostile_texts']} texts"
    )
    assert report["failed"] == 0
    assert report["moved_ms"]["p95"] <= 20
