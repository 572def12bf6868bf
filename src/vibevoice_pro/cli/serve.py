"""`serve`."""

from __future__ import annotations

import logging
from typing import Annotated, Any

import typer
from rich.logging import RichHandler
from rich.markup import escape

from vibevoice_pro import __version__
from vibevoice_pro.cli.common import (
    DeviceOption,
    ModelOption,
    PrecisionOption,
    WindowOption,
    app,
    console,
    fail,
    load,
    read_settings,
)
from vibevoice_pro.errors import SpeechError
from vibevoice_pro.models.vibevoice import extra


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address; 0.0.0.0: every network.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0: any free one.")] = None,
    model: ModelOption = None,
    max_streams: Annotated[int | None, typer.Option(help="Listeners at once at most.")] = None,
    memory_limit: Annotated[str | None, typer.Option(help="Memory budget, e.g. 4500MB.")] = None,
    precision: PrecisionOption = None,
    device: DeviceOption = None,
    kv_window: WindowOption = None,
    lead: Annotated[float | None, typer.Option(help="Seconds made ahead of the listener.")] = None,
    patience: Annotated[
        float | None,
        typer.Option(
            help="Seconds a writer may hesitate before the words there are get spoken; 0: never."
        ),
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning, error.")] = None,
) -> None:
    """Serve the console and the streaming API.

    Each option, and some more, can be set in the environment: VIBEVOICE_PORT=9000 and so on.
    """
    settings = read_settings(
        host=host, port=port, model=model, max_streams=max_streams, memory_limit=memory_limit,
        precision=precision, device=device, kv_window=kv_window, lead=lead, patience=patience,
        log_level=log_level,
    )  # fmt: skip
    level = settings.log_level.upper()
    if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise fail(f"log-level must be debug, info, warning or error; got {settings.log_level!r}")
    logging.basicConfig(
        level=level, format="%(message)s", datefmt="%X",
        handlers=[RichHandler(console=console, show_path=False)],
    )  # fmt: skip
    from vibevoice_pro.server.app import Server, create_app, listen
    from vibevoice_pro.speech.build import build_service

    try:
        sock = listen(settings.host, settings.port, settings.send_timeout)
    except OSError as error:
        raise fail(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}", 1
        ) from None
    try:
        asked = "max_streams" in settings.model_fields_set
        hosts = load(settings, settings.max_streams if asked else None)
        service = build_service(hosts, settings)
        application = create_app(service)
    except SpeechError as error:
        raise fail(str(error)) from None
    shown = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host
    address = f"{f'[{shown}]' if ':' in shown else shown}:{sock.getsockname()[1]}"
    better = _better_model(hosts[0].model) if settings.model == "auto" else ""

    def up() -> None:
        models = "".join(
            f"  {m.name}, {m.precision} on {m.device}, listeners in real time: "
            f"{service.engine.capacity(host)}\n"
            for host in hosts
            for m in [host.model.info]
        )
        console.print(
            f"[bold]VibeVoice Pro {__version__}[/]\n"
            f"{models}"
            f"{better}"
            f"  console  http://{address}/\n"
            f"  stream   ws://{address}/stream?text=Hello\n"
            f"  API      http://{address}/docs",
            highlight=False,
            soft_wrap=True,
        )

    Server(application, settings, up).run(sockets=[sock])


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
