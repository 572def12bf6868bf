"""A room imports only rooms below it: text ← models ← engine ← speech ← server, cli."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import vibevoice_pro

ROOT = Path(vibevoice_pro.__file__).parent
LAYERS = {
    "errors": 0, "memory": 0, "client": 0, "config": 1, "audio": 1, "text": 1, "models": 2,
    "documents": 2, "engine": 3, "speech": 4, "server": 5, "cluster": 5, "bench": 5, "doctor": 5,
    "cli": 6,
}  # fmt: skip


def imports(path: Path) -> set[str]:
    """Rooms of this package that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{a.name}" for a in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "vibevoice_pro" and len(parts) > 1 and parts[1] in LAYERS:
                found.add(parts[1])
    return found


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if room == "__init__":
        return
    for other in imports(path) - {room}:
        assert LAYERS[other] < LAYERS[room], f"{room} must not import {other}"
