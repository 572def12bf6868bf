"""The table of settings: name, type, default, unit, meaning, and what may change at run time.

Read at the edges (cli, server) only; the rooms below get plain values. Where values come from is
in `sources`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from vibevoice_pro.config.defaults import CFG, CFG_RANGE, LANGUAGES, STEPS, STEPS_RANGE
from vibevoice_pro.config.sizes import parse_bytes
from vibevoice_pro.errors import BadParameter

HOME = Path("~/.cache/vibevoice-pro")
"""Where pulled voices are kept."""

VOICES_URL = (
    "https://raw.githubusercontent.com/microsoft/VibeVoice/main/demo/voices/streaming_model"
)
"""Where Microsoft publishes the voices."""


def _setting(
    default: Any, meaning: str, *, unit: str = "", live: bool = False, **bounds: Any
) -> Any:
    """A row of the table; `live`: may change while the server runs."""
    return Field(
        default, description=meaning, json_schema_extra={"unit": unit, "live": live}, **bounds
    )


class Settings(BaseModel):
    """Everything an operator can set; `sources.read` collects it from flags, environment, files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = _setting("127.0.0.1", "address to listen on; 0.0.0.0: every network")
    port: int = _setting(7860, "port to listen on; 0: any free one", ge=0, le=65535)
    wyoming_port: int = _setting(
        0, "port on which Home Assistant's protocol Wyoming is spoken, usually 10200; 0: none",
        ge=0, le=65535,
    )  # fmt: skip
    allowed_origins: str = _setting(
        "",
        "origins whose pages may use the server beside its own (CORS, WebSockets), like "
        "https://example.org, separated by commas; *: all",
    )
    keys: str = _setting(
        "",
        "JSON file of API keys, which `vibevoice-pro keys` writes; without keys everybody may use "
        "the server. In a working folder: config/keys.json",
    )
    tls_certificate: str = _setting("", "PEM file of the certificate and its chain; empty: no TLS")
    tls_key: str = _setting("", "PEM file of the certificate's private key")
    model: str = _setting(
        "auto",
        "auto, compact, kokoro, owner/name on the hub, a directory or random:vibevoice-0.5b; "
        "several are separated by commas",
    )
    languages: dict[str, tuple[str, ...]] | None = _setting(
        None,
        "languages whose voices, readings and models are loaded, like en,ja; empty: all. In "
        "config/model.yaml, each has its voices",
    )
    precision: Literal["auto", "fp32", "bf16", "fp16", "int8"] = _setting(
        "auto", "number format of VibeVoice's weights"
    )
    device: Literal["auto", "cpu", "cuda"] = _setting("auto", "where VibeVoice computes")
    cpu_offload: bool = _setting(
        False, "on a card: embedding, text LM and acoustic decoder of VibeVoice on the CPU"
    )
    kernels: Literal["auto", "native", "onnx"] = _setting("auto", "what runs int8 on the CPU")
    kv_window: str = _setting(
        "auto", "of the past each stream keeps: auto, full or a number", unit="positions"
    )
    home: Path = _setting(HOME, "folder where pulled voices are kept")
    voices_url: str = _setting(VOICES_URL, "folder of *.pt where Microsoft's voices come from")
    default_voice: str = _setting(
        "", "voice when the client names none; empty: the first", live=True
    )
    aliases: str = _setting("", "JSON file of further names for voices; empty: none")
    lexicon: str = _setting(
        "", "YAML or JSON file: for each language words and what is said for them; empty: none"
    )
    strict_voices: bool = _setting(
        False, "refuse a voice that is not here, rather than let another one speak"
    )
    cfg: float = _setting(
        CFG, "guidance scale when the client names none", live=True,
        ge=CFG_RANGE[0], le=CFG_RANGE[1],
    )  # fmt: skip
    steps: int = _setting(
        STEPS, "diffusion steps when the client names none", live=True,
        ge=STEPS_RANGE[0], le=STEPS_RANGE[1],
    )  # fmt: skip
    lead: float = _setting(
        5.0, "how far speech is made ahead of the listener", unit="s", live=True, gt=0
    )
    patience: float = _setting(
        0.5,
        "how long a writer may hesitate before the words there are get spoken; 0: for ever",
        unit="s", live=True, ge=0, le=60,
    )  # fmt: skip
    max_streams: int = _setting(200, "at once, at most", unit="listeners", live=True, ge=1)
    max_load: float = _setting(
        0.95, "share of the model's time that may be promised to listeners", live=True, gt=0, le=1
    )
    watchdog: float = _setting(
        10.0, "what a step of a model may take before it is loaded again", unit="s", gt=0
    )
    max_text: int = _setting(
        500_000, "that may wait in one stream", unit="characters", live=True, ge=1
    )
    memory_limit: str = _setting("", "memory budget, e.g. 4500MB; empty: what there is")
    idle_timeout: float = _setting(
        300.0, "after which a connection without text or speech is closed", unit="s", live=True,
        gt=0,
    )  # fmt: skip
    send_timeout: float = _setting(
        30.0, "after which a listener who does not read is dropped", unit="s", gt=0
    )
    drain_timeout: float = _setting(
        30.0, "that listeners may be spoken to after SIGTERM, while nobody new is taken", unit="s",
        live=True, ge=0,
    )  # fmt: skip
    session_ttl: float = _setting(
        120.0, "that a session is kept after its connection was lost", unit="s", ge=0
    )
    replay_seconds: float = _setting(
        120.0, "of speech kept for a replay, unless acknowledged before", unit="s", ge=0
    )
    replay_limit: str = _setting("6MB", "kept for a replay at most, per session")
    store: str = _setting(
        "",
        "where sessions are saved: Redis, redis://host:6379/0, or a file of this machine, "
        "cache/sessions.db; empty: nowhere, they end with the process",
    )
    session_memory: str = _setting(
        "128MB", "what sessions without a connection may keep, all of them together"
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "what is logged at least", live=True
    )

    log_format: Literal["text", "json"] = _setting(
        "text", "how a line of the log is written, where it does not go to a terminal"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _no_flag(cls, value: object, info: ValidationInfo) -> object:
        """True and false are no numbers, as they would be for Python."""
        wanted = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and wanted is not bool:
            raise PydanticCustomError("flag", "a flag is no value of it")
        return value

    @field_validator("log_level", "log_format", "precision", "device", "kernels", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("languages", mode="before")
    @classmethod
    def _languages(cls, value: object) -> object:
        """Codes with their voices (none: all of them), from a text with commas or a mapping."""
        if isinstance(value, str):
            value = {part.strip(): None for part in value.split(",") if part.strip()} or None
        if not isinstance(value, Mapping):
            return value
        found: dict[str, tuple[str, ...]] = {}
        for code, block in value.items():
            if code not in LANGUAGES:
                raise ValueError(f"a language is one of {', '.join(LANGUAGES)}; got {code!r}")
            voices = block.get("voices") if isinstance(block, Mapping) else block
            if isinstance(block, Mapping) and block.keys() - {"voices"}:
                key = next(iter(block.keys() - {"voices"}))
                raise ValueError(f"a language has voices, and nothing else; got {key!r}")
            found[code] = () if voices in (None, "all", ()) else tuple(voices)
        return found

    @field_validator("memory_limit", "replay_limit", "session_memory")
    @classmethod
    def _size(cls, value: str, info: ValidationInfo) -> str:
        try:
            if value:
                parse_bytes(value)
        except BadParameter as error:
            name = info.field_name or ""
            raise BadParameter(f"{name}: {error}", field=name) from None
        return value
