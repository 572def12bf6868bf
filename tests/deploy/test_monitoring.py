"""Every metric that a dashboard, an alert or the autoscaler asks for is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
import yaml

from tests.support.serving import serving
from tests.support.tone import ToneModel
from tests.support.wire import ask

DEPLOY = Path(__file__).parents[2] / "deploy"
FILES = ["grafana/dashboards/vibevoice-pro.json", "prometheus/alerts.yml",
         "helm/vibevoice-pro/templates/hpa.yaml"]  # fmt: skip


async def test_metrics_are_there() -> None:
    with serving(ToneModel()) as server:
        await ask(server, "text=Hello.")
        await ask(server, "voice=nobody")
        async with httpx.AsyncClient() as client:
            told = (await client.get(f"{server.http}/metrics")).text
    there = set(re.findall(r"^(vibevoice_\w+)", told, re.M))
    for name in FILES:
        wanted = set(re.findall(r"vibevoice_\w+", (DEPLOY / name).read_text()))
        assert wanted, name
        assert wanted <= there, name


@pytest.mark.parametrize("path", sorted(DEPLOY.rglob("*.yml")), ids=lambda p: p.name)
def test_files_can_be_read(path: Path) -> None:
    assert yaml.safe_load(path.read_text())


def test_the_dashboard() -> None:
    dashboard = json.loads((DEPLOY / FILES[0]).read_text())
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids) == 12
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)
    (source,) = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text()
    )["datasources"]
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
