"""Settings that change while the server runs: over HTTP, or in config/.env."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dotenv import set_key

from vibevoice_pro.config.folder import Folder
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.config.sources import Given, Rank, Read, allowed, from_dotenv, make
from vibevoice_pro.config.stamp import stamp
from vibevoice_pro.errors import BadParameter

log = logging.getLogger(__name__)

_SECRET = ("store",)  # may hold a password


@dataclass(frozen=True)
class Row:
    """A setting, as it is shown.

    Attributes:
        value, default: as they are.
        source: where the value comes from.
        unit, meaning: for people.
        allowed: what it may be, in words.
        live: whether it may change while the server runs.
    """

    value: Any
    default: Any
    source: str
    unit: str
    meaning: str
    allowed: str
    live: bool


class LiveSettings:
    """The settings of a running server. Changes come one at a time.

    Attributes:
        read: what they are now, and where each comes from.
        folder: the working folder; None: there is none.
    """

    def __init__(
        self, read: Read, apply: Callable[[Settings], None] = lambda settings: None,
        folder: Folder | None = None,
    ) -> None:  # fmt: skip
        """`apply`: takes them into use, and raises `BadParameter` if it can't."""
        self.read = read
        self._apply = apply
        self.folder = folder
        self._lock = threading.Lock()
        self._file = folder.env_file if folder else None
        self._seen = stamp(self._file)

    @property
    def settings(self) -> Settings:
        """What they are now."""
        return self.read.settings

    def table(self) -> dict[str, Row]:
        """All settings by name; a password in one is hidden."""
        return table(self.read)

    def change(self, values: Mapping[str, object], keep: bool = False) -> None:
        """Change some settings, all of them or none.

        Args:
            values: by name.
            keep: whether they are written to config/.env, so that they hold after a restart.

        Raises:
            BadParameter: one is unknown, may not change while the server runs, or has a value that
                is not allowed; or they are to be kept and there is no folder to keep them in.
        """
        for name in values:
            field = Settings.model_fields.get(name)
            if field is None:
                raise BadParameter(
                    f"there is no setting {name!r}; those that may change are {_changeable()}",
                    field=name,
                )
            if not _extra(name)["live"]:
                raise BadParameter(
                    f"{name} can't change while the server runs; set it in config/.env and start "
                    f"the server again. What may change: {_changeable()}",
                    field=name,
                )
        if keep and (self.folder is None or not self.folder.env_file.parent.is_dir()):
            raise BadParameter(
                "there is no folder config/ to keep it in: vibevoice-pro config --init makes one",
                field="keep",
            )
        with self._lock:
            source, rank = "POST /api/config", Rank.HTTP
            if keep and self.folder is not None:
                source, rank = str(self.folder.env_file), Rank.ENV_FILE
            self._take({name: Given(value, source, rank) for name, value in values.items()})
            if keep and self.folder is not None:
                _write(self.folder.env_file, values)
                self._seen = stamp(self._file)

    def poll(self) -> None:
        """Take what has changed in config/.env; if something there is wrong, log that alone."""
        seen = stamp(self._file)
        if self._file is None or seen == self._seen:
            return
        self._seen = seen
        with self._lock:
            try:
                written = from_dotenv(self._file)
                new = self._newly(written)
                make({**self.read.given, **new})
                live = {name: each for name, each in new.items() if _extra(name)["live"]}
                if live:
                    self._take(live)
                    log.warning("config/.env: now %s", _listed(live))
                if later := {name: each for name, each in new.items() if name not in live}:
                    log.warning("config/.env: %s at the next start", _listed(later))
            except BadParameter as error:
                log.error("%s; nothing was taken", error)

    def _newly(self, written: Mapping[str, Given]) -> dict[str, Given]:
        """What the file says otherwise than what holds, and nothing above it says."""
        new = {}
        for name, each in written.items():
            before = self.read.given.get(name)
            if before is None or (
                before.rank <= each.rank and str(before.value) != str(each.value)
            ):
                new[name] = each
        return new

    def _take(self, given: Mapping[str, Given]) -> None:
        everything = {**self.read.given, **given}
        settings = make(everything)
        self._apply(settings)
        self.read = Read(settings, everything)


def table(read: Read) -> dict[str, Row]:
    """All settings by name; a password in one is hidden."""
    rows = {}
    for name, field in Settings.model_fields.items():
        extra = _extra(name)
        value = getattr(read.settings, name)
        rows[name] = Row(
            value="…" if name in _SECRET and "@" in str(value) else _plain(value),
            default=_plain(field.default), source=read.source(name), unit=extra["unit"],
            meaning=field.description or "", allowed=allowed(field), live=extra["live"],
        )  # fmt: skip
    return rows


def _extra(name: str) -> dict[str, Any]:
    extra = Settings.model_fields[name].json_schema_extra
    assert isinstance(extra, dict)
    return extra


def _changeable() -> str:
    return ", ".join(name for name in Settings.model_fields if _extra(name)["live"])


def _listed(given: Mapping[str, Given]) -> str:
    return ", ".join(f"{name}={each.value}" for name, each in given.items())


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _write(path: Path, values: Mapping[str, object]) -> None:
    try:
        path.touch()
        for name, value in values.items():
            set_key(path, name.upper(), str(value), quote_mode="auto")
    except OSError as error:
        raise BadParameter(
            f"{path} cannot be written: {error.strerror or error}; it holds until the next start",
            field="keep",
        ) from error
