"""From settings to a service that is ready to speak."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from vibevoice_pro.config.settings import Settings
from vibevoice_pro.config.sizes import parse_bytes
from vibevoice_pro.engine.engine import Engine
from vibevoice_pro.engine.host import Host
from vibevoice_pro.engine.memory import available_budget, card_budget, model_budget, used_bytes
from vibevoice_pro.errors import BadParameter
from vibevoice_pro.models.aliases import load_aliases
from vibevoice_pro.models.base import Loading, Progress
from vibevoice_pro.models.catalog import Catalog
from vibevoice_pro.models.kokoro import voices as kokoro
from vibevoice_pro.models.offers import offers
from vibevoice_pro.models.registry import EMBEDDED, KOKORO, LANGUAGE, find_source, load_model
from vibevoice_pro.speech.service import Service
from vibevoice_pro.speech.sessions.file_store import FileStore
from vibevoice_pro.speech.sessions.redis_store import RedisStore
from vibevoice_pro.speech.sessions.store import Store


def model_names(settings: Settings) -> list[str]:
    """The models that the settings name, separated by commas.

    With `auto` come the Japanese voices, where they are installed. A small model whose language is
    not among `languages` is left out.

    Raises:
        BadParameter: there is none.
    """
    names = [name.strip() for name in settings.model.split(",") if name.strip()]
    if not names:
        raise BadParameter("model must name at least one model", field="model")
    if "auto" in names and KOKORO not in names and kokoro.installed():
        names.append(KOKORO)
    spoken = [name for name in names if _spoken(name, settings)]
    if not spoken:
        raise BadParameter(
            f"languages leaves nothing to load: {', '.join(names)} speaks none of "
            f"{', '.join(settings.languages or ())}",
            field="languages",
        )
    return spoken


def left_out(settings: Settings) -> list[str]:
    """The models that are installed and would be loaded, but for `languages`."""
    every = model_names(settings.model_copy(update={"languages": None}))
    loaded = model_names(settings)
    return [EMBEDDED if name == "auto" else name for name in every if name not in loaded]


def _spoken(name: str, settings: Settings) -> bool:
    if settings.languages is None:
        return True
    if name == "auto" and find_source(name, settings.home) is None:
        name = EMBEDDED
    return LANGUAGE.get(name) in {None, *settings.languages}


def load_hosts(
    settings: Settings, streams: int | None = None,
    on_progress: Progress = lambda done, total: None,
) -> list[Host]:  # fmt: skip
    """Load the models that the settings name, one after the other.

    `streams`: how many streams each is to have room for; None: what makes sense.

    Raises:
        BadParameter, BadCheckpoint, BadVoice: see `load_model`.
    """
    hosts = []
    for name in model_names(settings):
        loading = Loading(
            precision=settings.precision,
            device=settings.device,
            kernels=settings.kernels,
            kv_window=settings.kv_window,
            cpu_offload=settings.cpu_offload,
            streams=streams,
            home=settings.home,
            languages=settings.languages,
            memory=model_budget(settings.memory_limit, _on_card(name, settings)),
            on_progress=on_progress,
        )
        before = used_bytes()
        model = load_model(name, loading)
        hosts.append(Host(model, partial(load_model, name, loading), max(0, used_bytes() - before)))
    return hosts


def _on_card(name: str, settings: Settings) -> bool:
    """Whether a model will compute on a graphics card."""
    if settings.device == "cpu" or find_source(name, settings.home) is None:
        return False
    from vibevoice_pro.models.vibevoice.plan import device_and_precision

    device, _ = device_and_precision(Loading(settings.precision, settings.device))
    return device == "cuda" and card_budget() > 0


def start_engine(engine: Engine) -> None:
    """Start an engine, if one listener fits into its memory beside the models.

    Raises:
        BadParameter: not; it names the cheapest ways out.
    """
    engine.start()
    hosts, limit = engine.hosts, engine.memory_budget
    need = used_bytes() + max(host.model.info.stream_bytes for host in hosts)
    if engine.on_card or need <= limit:
        return
    engine.stop()
    names = ", ".join(host.model.info.name for host in hosts)
    ways = [f"memory_limit {math.ceil(need / 1e7) * 10}MB"]
    if len(hosts) > 1:
        for host in sorted(hosts, key=lambda host: host.memory):
            if need - host.memory <= limit:
                rest = (need - host.memory) / 1e6
                ways.append(f"without {host.model.info.name} ({rest:,.0f} MB)")
    if any(len(host.model.voices) > 1 for host in hosts):
        ways.append("fewer voices, with languages in config/model.yaml")
    raise BadParameter(
        f"{names} and one listener take {need / 1e6:,.0f} MB; the memory limit is "
        f"{limit / 1e6:,.0f} MB. Ways out: {', or '.join(ways[:3])}",
        field="memory_limit",
    )


def build_catalog(hosts: Sequence[Host], settings: Settings) -> Catalog:
    """The voices of loaded models, those that could be had, and the names they go by.

    Raises:
        BadParameter: a setting is out of range or does not fit the models.
    """
    models = [host.model for host in hosts]
    here = {voice for model in models for voice in model.voices}
    return Catalog(
        models, settings.default_voice, offers=offers(here, settings.model),
        aliases=load_aliases(settings.aliases), strict=settings.strict_voices,
    )  # fmt: skip


def build_service(hosts: Sequence[Host], settings: Settings, *, admit_all: bool = False) -> Service:
    """A service over loaded models; its engine is not started yet.

    `admit_all`: never refuse a listener because the others would be late.

    Raises:
        BadParameter: a setting is out of range or does not fit the models.
    """
    limit, there = settings.memory_limit, available_budget
    if any(host.model.info.device == "cuda" for host in hosts):
        there = card_budget
    engine = Engine(
        hosts,
        max_streams=settings.max_streams,
        max_load=math.inf if admit_all else settings.max_load,
        memory_budget=parse_bytes(limit) if limit else there(),
        watchdog=settings.watchdog,
    )
    catalog = build_catalog(hosts, settings)
    return Service(engine, catalog, settings, build_store(settings))


def build_store(settings: Settings) -> Store | None:
    """Where sessions are saved; None: nowhere.

    Raises:
        BadParameter: the setting is no address, or the file can't be used.
    """
    where, ttl = settings.store, settings.session_ttl
    if not where:
        return None
    if "://" in where:
        return RedisStore(where, ttl)
    return FileStore(Path(where.removeprefix("file:")).expanduser(), ttl)
