"""Settings, from the environment (`VIBEVOICE_PORT=9000`) or the command line.

Read at the edges (cli, server) only; the rooms below get plain values.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from vibevoice_pro.config.defaults import CFG, STEPS

HOME = Path("~/.cache/vibevoice-pro")
"""Where pulled voices are kept."""

VOICES_URL = (
    "https://raw.githubusercontent.com/microsoft/VibeVoice/main/demo/voices/streaming_model"
)
"""Where Microsoft publishes the voices."""


class Settings(BaseSettings):
    """Everything an operator can set; each field is also an environment variable, `VIBEVOICE_*`."""

    model_config = SettingsConfigDict(env_prefix="VIBEVOICE_")

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0: every network")
    port: int = Field(7860, ge=0, le=65535, description="port to listen on; 0: any free one")
    allowed_origins: str = Field(
        "",
        description="origins whose pages may connect beside the server's own, like "
        "https://example.org, separated by commas; *: all",
    )
    model: str = Field(
        "auto",
        description="auto, compact, kokoro, owner/name on the hub, a directory or "
        "random:vibevoice-0.5b; several are separated by commas",
    )
    precision: str = Field("auto", description="auto, fp32, bf16, fp16 or int8")
    device: str = Field("auto", description="auto, cpu or cuda")
    kernels: str = Field("auto", description="what runs int8 on the CPU: auto, native or onnx")
    kv_window: str = Field(
        "auto", description="positions of the past each stream keeps: auto, full or a number"
    )
    home: Path = Field(HOME, description="folder where pulled voices are kept")
    voices_url: str = Field(VOICES_URL, description="folder of *.pt where voices come from")
    default_voice: str = Field("", description="voice when the client names none; empty: the first")
    aliases: str = Field(
        "",
        description="JSON file of further names for voices, see models/aliases.py; empty: none",
    )
    strict_voices: bool = Field(
        False, description="refuse a voice that is not here, rather than let another one speak"
    )
    default_cfg: float = Field(CFG, description="guidance scale when the client names none")
    default_steps: int = Field(STEPS, description="diffusion steps when the client names none")
    lead: float = Field(5.0, gt=0, description="seconds that speech is made ahead of the listener")
    patience: float = Field(
        0.5,
        ge=0,
        le=60,
        description="seconds a writer may hesitate before the words there are get spoken; 0: never",
    )
    max_streams: int = Field(200, ge=1, description="listeners at once at most")
    max_load: float = Field(
        0.95, gt=0, le=1, description="share of the model's time that may be promised to listeners"
    )
    watchdog: float = Field(
        10.0, gt=0, description="seconds a step of a model may take before it is loaded again"
    )
    max_text: int = Field(500_000, ge=1, description="characters that may wait in one stream")
    memory_limit: str = Field("", description="memory budget, e.g. 4500MB; empty: what there is")
    idle_timeout: float = Field(
        300.0, gt=0, description="seconds after which a connection without text or speech is closed"
    )
    send_timeout: float = Field(
        30.0, gt=0, description="seconds after which a listener who does not read is dropped"
    )
    session_ttl: float = Field(
        120.0, ge=0, description="seconds that a session is kept after its connection was lost"
    )
    replay_seconds: float = Field(
        120.0, ge=0, description="seconds of speech kept for a replay, unless acknowledged before"
    )
    replay_limit: str = Field("6MB", description="bytes kept for a replay at most, per session")
    store: str = Field(
        "",
        description="Redis that sessions are saved in, redis://host:6379/0; empty: none, they "
        "end with the process",
    )
    session_memory: str = Field(
        "128MB", description="what sessions without a connection may keep, all of them together"
    )
    log_level: str = Field("info", description="debug, info, warning or error")
