"""What is around the server: folders, the port, voices, Redis, a player."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from vibevoice_pro.doctor.checks import Finding, Patient, Status, judged
from vibevoice_pro.errors import BadVoice
from vibevoice_pro.models.hibari.voices import VOICES
from vibevoice_pro.models.kokoro import voices as kokoro
from vibevoice_pro.models.vibevoice import extra
from vibevoice_pro.models.vibevoice.assets import hub

PULL_BYTES = 3 * 10**9
"""What the checkpoint and its voices take on disk."""

_WAIT_S = 3.0
PLAYERS = ("aplay", "paplay", "ffplay", "play")
"""Programs that `say --play` looks for."""


def folders(patient: Patient) -> Iterator[Finding]:
    """Whether what is written can be, and whether there is room."""
    wanted = {"temporary files": Path(tempfile.gettempdir()), "voices": patient.settings.home}
    if patient.folder is not None:
        wanted["config"] = patient.folder.env_file.parent
        if patient.folder.logs is not None:
            wanted["logs"] = patient.folder.logs
    for name, path in wanted.items():
        place = path.expanduser()
        while not place.exists() and place != place.parent:
            place = place.parent
        good = place.is_dir() and os.access(place, os.W_OK)
        cure = f"make {place} a folder that the server's user can write"
        yield judged("folders", name, str(path), good, cure)
        if name == "voices" and good:
            free = shutil.disk_usage(place).free
            cure = "VibeVoice needs 3 GB: set home to a larger disk"
            yield judged("folders", "room for voices", f"{free / 1e9:.1f} GB", free >= PULL_BYTES,
                         cure, Status.WARN)  # fmt: skip


def port(patient: Patient) -> Iterator[Finding]:
    """Whether the port can be had, or a server of ours is there already."""
    host, number = patient.settings.host, patient.settings.port
    address = f"{host}:{number}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, number))
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            yield Finding("network", "port", Status.OK, f"{address} is free")
            return
    near = "127.0.0.1" if host in {"0.0.0.0", "::"} else host
    shown = f"[{near}]" if ":" in near else near
    try:
        with urlopen(f"http://{shown}:{number}/healthz", timeout=_WAIT_S) as answer:
            ours = b'"status"' in answer.read(200)
    except HTTPError as error:
        ours = error.code == 503
    except (OSError, ValueError):
        ours = False
    if ours:
        yield Finding("network", "port", Status.OK, f"a server of ours answers at {address}")
        return
    yield Finding("network", "port", Status.FAIL, f"{address}: {reason}",
                  "stop the other program, or choose another --port")  # fmt: skip


def voices(patient: Patient) -> Iterator[Finding]:
    """Which voices are here, and whether their files are as they should be."""
    home = patient.settings.home
    for file in VOICES.values():
        name = file.voice.id
        if not file.is_here(home):
            yield Finding("voices", name, Status.OK, "not here: vibevoice-pro pull --voices")
            continue
        try:
            file.check(home)
        except BadVoice as error:
            cure = "pip install --force-reinstall hibari-tts"
            yield Finding("voices", name, Status.FAIL, str(error),
                          cure if file.bundled else "vibevoice-pro pull --voices")  # fmt: skip
        else:
            yield Finding("voices", name, Status.OK, "its SHA-256 is right")
    there = "installed" if kokoro.installed() else f"not installed: {kokoro.INSTALL}"
    yield Finding("voices", "Japanese", Status.OK, there)
    if not extra.installed():
        value = f"not installed: {extra.INSTALL}"
    elif hub.find(hub.DEFAULT, home) is None:
        value = "installed, and no checkpoint: vibevoice-pro pull"
    else:
        value = "installed, with its checkpoint"
    yield Finding("voices", "VibeVoice", Status.OK, value)


def store(patient: Patient) -> Iterator[Finding]:
    """Whether Redis is there, if sessions are to be saved in it."""
    url = patient.settings.store
    if not url:
        yield Finding("sessions", "store", Status.OK, "none: sessions end with the process")
        return
    if "://" not in url:
        yield Finding("sessions", "store", Status.OK, f"the file {url}")
        return
    try:
        import redis
    except ImportError:
        yield Finding("sessions", "store", Status.FAIL, "the package redis is not installed",
                      "pip install 'vibevoice-pro[redis]'")  # fmt: skip
        return
    try:
        client = redis.Redis.from_url(url, socket_timeout=_WAIT_S, socket_connect_timeout=_WAIT_S)
        version = client.info("server")["redis_version"]
    except (redis.RedisError, ValueError, OSError) as error:
        yield Finding("sessions", "store", Status.FAIL, f"unreachable: {error}",
                      "start Redis, or correct the setting store")  # fmt: skip
    else:
        yield Finding("sessions", "store", Status.OK, f"Redis {version}")


def player(patient: Patient) -> Iterator[Finding]:
    """Whether `say --play` has something to play with."""
    path = patient.environment.get("PATH")
    found = [name for name in PLAYERS if shutil.which(name, path=path)]
    cure = "install ffmpeg or alsa-utils, or write to a file with say -o"
    yield judged("audio", "player", ", ".join(found) or "none", bool(found), cure, Status.WARN)
