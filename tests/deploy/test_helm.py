"""The chart, through Helm itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from helm_python import chart
from helm_python.errors import HelmError

CHART = Path(__file__).parents[2] / "deploy/helm/vibevoice-pro"
ALL: dict[str, Any] = {
    "settings": {"DRAIN_TIMEOUT": "100", "MODEL": "compact"},
    "model": "languages:\n  en:\n    voices: all\n",
    "store": "redis://redis:6379/0",
    "keysSecret": "keys",
    "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "tls"},
    "cache": {"size": "5Gi", "storageClass": "nfs"},
    "autoscaling": {"enabled": True},
    "monitoring": {"serviceMonitor": True},
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
}


def render(values: dict[str, Any]) -> dict[str, Any]:
    rendered = chart.Chart.load(CHART).render(values, name="tts")
    documents = (yaml.safe_load(text) for name, text in rendered.items() if name.endswith(".yaml"))
    return {document["kind"]: document for document in documents if document}


@pytest.mark.parametrize("values", [{}, ALL], ids=["defaults", "all"])
def test_lint(values: dict[str, Any]) -> None:
    report = chart.lint(CHART, values, strict=True)
    assert not report["errors"]
    assert all(message["severity"] < 2 for message in report["messages"]), report


def test_defaults() -> None:
    made = render({})
    assert set(made) == {"ConfigMap", "Deployment", "Service", "PodDisruptionBudget"}
    assert made["Deployment"]["spec"]["replicas"] == 2


def test_everything() -> None:
    made = render(ALL)
    assert {"HorizontalPodAutoscaler", "PersistentVolumeClaim", "Ingress", "ServiceMonitor"} < set(
        made
    )
    assert (
        made["ConfigMap"]["data"][".env"] == "DRAIN_TIMEOUT=100\nLOG_FORMAT=json\nMODEL=compact\n"
    )
    assert yaml.safe_load(made["ConfigMap"]["data"]["model.yaml"]) == {
        "languages": {"en": {"voices": "all"}}
    }
    spec = made["Deployment"]["spec"]
    assert "replicas" not in spec, "the autoscaler decides"
    pod = spec["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 115
    (server,) = pod["containers"]
    mounted = {mount["name"] for mount in server["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    folders = {mount["mountPath"] for mount in server["volumeMounts"]}
    assert {f"/root/build/{name}" for name in ("config", "logs", "cache")} < folders
    environment = {each["name"]: each["value"] for each in server["env"]}
    assert environment == {
        "VIBEVOICE_STORE": "redis://redis:6379/0", "VIBEVOICE_KEYS": "/run/keys/keys.json"
    }  # fmt: skip
    labels = spec["template"]["metadata"]["labels"].items()
    for kind in ("Service", "PodDisruptionBudget"):
        selector = made[kind]["spec"]["selector"]
        assert selector.get("matchLabels", selector).items() <= labels


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replica": 3}, "'replica' not allowed"),
        ({"store": "localhost"}, "/store"),
        ({"settings": {"steps": "5"}}, "steps"),
        ({"settings": {"STEPS": 5}}, "/settings/STEPS"),
        ({"image": {"repository": ""}}, "/image/repository"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(HelmError, match=said):
        chart.Chart.load(CHART).validate_schema(values)
