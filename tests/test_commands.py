"""Every command that the documentation prints: it is run, or at least looked at.

Commands of a page run in order, as a reader would type them, in one working folder beside a server.
What takes minutes, needs a network or another program is parsed, and what it names has to exist.
"""

from __future__ import annotations

import glob
import itertools
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomllib
import trustme
import typer

from tests.support.processes import Served
from vibevoice_pro.cli import app
from vibevoice_pro.models.kokoro.voices import installed

ROOT = Path(__file__).parents[1]
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
]

RUN = re.compile(
    r"vibevoice-pro (say .*-o \S+\.wav|voices$|read|plan|config|doctor|keys|serve --help)|curl|echo"
)
"""What is run: it ends within seconds."""

START = re.compile(r"(VIBEVOICE_\w+=\S+ )*vibevoice-pro serve(?! --help)")
"""What is started, and stopped when it serves."""

NOT_STARTED = re.compile(r"owner/name|~/checkpoint|random:|redis://")
"""Needs what is not here; other tests start servers with checkpoints and with Redis."""


def commands(page: Path) -> list[str]:
    """The lines of a page's shell blocks, without comments; those with a `\\` at the end joined."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.S)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    found = (re.sub(r"\s+#(?= ).*", "", f" {line}").strip() for line in lines)
    return [re.sub(r"\s+", " ", command) for command in found if command]


def own(command: str) -> list[str] | None:
    """The arguments of a command of ours, wherever it stands in a line; None: it is another's."""
    for part in command.split("|"):
        words = shlex.split(part.partition(" < ")[0])
        words = words[sum("=" in word for word in words if word.startswith("VIBEVOICE_")) :]
        if words[:1] == ["vibevoice-pro"]:
            return words[1:]
    return None


ALL = sorted({(page, command) for page in PAGES for command in commands(page)})


# --- all of them are looked at --------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with what some commands name."""
    home = tmp_path_factory.mktemp("home")
    for name in ("voices", "checkpoint"):
        (home / name).mkdir()
    (home / "voices" / "one.pt").touch()
    return home


@pytest.mark.parametrize("command", sorted({c for _, c in ALL if own(c) is not None}))
def test_ours_take_these_arguments(
    command: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(home))
    words = own(command) or []
    arguments = [
        found
        for word in words
        for found in (glob.glob(os.path.expanduser(word)) if word.startswith("~") else [word])
    ]
    group: Any = typer.main.get_command(app)
    while arguments and hasattr(group, "commands"):
        name, *arguments = arguments
        group = group.commands[name]
    try:
        group.make_context(name, arguments)
    except typer.Exit:
        assert "--help" in command


def _pip(words: list[str]) -> bool:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    named = re.findall(r"\[([\w,]+)\]", " ".join(words))
    return all(extra in extras for names in named for extra in names.split(","))


def _make(words: list[str]) -> bool:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
    return all(word in targets for word in words[1:] if "=" not in word)


def _python(words: list[str]) -> bool:
    files = [word for word in words if word.endswith(".py")]
    modules = [word for word in words if word.startswith("tests.")]
    files += [f"{module.replace('.', '/')}.py" for module in modules]
    return all((ROOT / file).exists() for file in files)


def _docker(words: list[str]) -> bool:
    """Images, services, profiles and build arguments; what the image runs is tested in deploy/."""
    dockerfile, compose = (ROOT / "Dockerfile").read_text(), (ROOT / "compose.yaml").read_text()
    after = dict(itertools.pairwise(words))
    target, argument, profile = (
        after.get(name, "") for name in ("--target", "--build-arg", "--profile")
    )
    return (
        (not target or f" AS {target}" in dockerfile)
        and (not argument or f"ARG {argument.partition('=')[0]}" in dockerfile)
        and (not profile or f"[{profile}]" in compose)
        and (words[1] != "exec" or words[2] == "vibevoice")
    )


def _named_path(words: list[str]) -> bool:
    return all((ROOT / word).exists() for word in words if word.startswith("deploy/"))


OTHERS = {
    "pip": _pip, "make": _make, "python": _python, "pytest": _python, ".venv/bin/python": _python,
    "docker": _docker, "helm": _named_path, "sudo": _named_path, "cp": _named_path,
    "git": _named_path, "cd": _named_path,
}  # fmt: skip


@pytest.mark.parametrize("command", sorted({c for _, c in ALL if own(c) is None}))
def test_others_name_what_there_is(command: str) -> None:
    words = shlex.split(re.sub(r"^([A-Z]\w*=\S+ )+", "", command))
    if RUN.match(command):
        return
    assert words[0] in OTHERS, f"how is {command!r} tested?"
    assert OTHERS[words[0]](words), command


# --- what ends soon is run ------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder, with the files that commands name."""
    for name in ("config", "logs", "cache"):
        (tmp_path / name).mkdir()
    (tmp_path / "chapter.txt").write_text("Chapter 1.\nIt was 5 p.m.\n")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    return tmp_path


@pytest.fixture
def served(folder: Path) -> Iterator[Served]:
    served = Served(VIBEVOICE_FOLDER=str(folder))
    yield served
    served.kill()


def _environment(command: str) -> dict[str, str]:
    model = {} if "--model" in command or "jp-" in command else {"VIBEVOICE_MODEL": "compact"}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, **model, "PATH": path, "COLUMNS": "100"}


def _runs() -> dict[str, tuple[str, ...]]:
    """What is run, with the name of the page; once where a translation prints the same."""
    found = {
        tuple(command for command in commands(page) if RUN.match(command)): page.name
        for page in sorted(PAGES, reverse=True)
    }
    return {name: run for run, name in found.items() if run}


RUNS = _runs()


@pytest.mark.parametrize("page", sorted(RUNS))
def test_they_run(page: str, folder: Path, served: Served) -> None:
    for command in RUNS[page]:
        if "jp-" in command and not installed():
            continue
        here = re.sub(r"(localhost|127\.0\.0\.1):7860", f"127.0.0.1:{served.port}", command)
        done = subprocess.run(
            here.replace("curl", "curl --fail-with-body -s"), shell=True, cwd=folder, text=True,
            capture_output=True, timeout=60, env=_environment(command),
        )  # fmt: skip
        # The doctor may find something on this machine, and then its status is 1.
        allowed = {0, 1} if "doctor" in command else {0}
        assert done.returncode in allowed, f"{command}: {done.stdout}{done.stderr}"
        if " -o " in command:
            made = folder / command.rpartition(" -o ")[2]
            assert made.stat().st_size > (16_000 if made.suffix == ".wav" else 3_000)


SERVED = sorted({c for _, c in ALL if START.match(c) and not NOT_STARTED.search(c)})


@pytest.mark.parametrize("command", SERVED)
def test_they_serve(command: str, folder: Path) -> None:
    if "kokoro" in command and not installed():
        pytest.skip("pip install 'vibevoice-pro[ja]'")
    process = subprocess.Popen(
        f"exec env {command} --port 0", shell=True, cwd=folder, text=True,
        stderr=subprocess.PIPE, env=_environment(command),
    )  # fmt: skip
    assert process.stderr is not None
    shown = []
    for line in process.stderr:
        shown.append(line)
        if "/docs" in line:
            process.send_signal(signal.SIGTERM)
    assert process.wait(30) in (0, -signal.SIGTERM), "".join(shown)
    assert any("Uvicorn running on" in line for line in shown), "".join(shown)
