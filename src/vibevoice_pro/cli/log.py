"""The log of a server: to the terminal, or as lines of text or JSON; and into logs/."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from logging.handlers import RotatingFileHandler
from typing import Any

from rich.logging import RichHandler

from vibevoice_pro.cli.common import console, fail
from vibevoice_pro.config.folder import Folder
from vibevoice_pro.config.settings import Settings

_BYTES, _FILES = 10_000_000, 5  # of each file in logs/, and how many older ones are kept


class JsonLines(logging.Formatter):
    """A JSON object a line: time (UTC), level, logger, message, and the values it tells."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as a line."""
        at = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, Any] = {
            "time": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "values", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def begin_log(settings: Settings, working: Folder | None) -> None:
    """Log to the terminal, and to logs/ where the working folder has that.

    Raises:
        typer.Exit: the file can't be written; it was said why.
    """
    lines: logging.Formatter = JsonLines()
    if settings.log_format == "text":
        lines = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    shown: logging.Handler = RichHandler(console=console, show_path=False)
    if not console.is_terminal:
        shown = logging.StreamHandler()
        shown.setFormatter(lines)
    handlers = [shown]
    if working is not None and working.logs is not None:
        path = working.logs / "vibevoice-pro.log"
        try:
            kept = RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8")
        except OSError as error:
            raise fail(f"{path} cannot be written: {error.strerror}", 1) from None
        kept.setFormatter(lines)
        handlers.append(kept)
    level = settings.log_level.upper()
    logging.basicConfig(level=level, format="%(message)s", datefmt="%X", handlers=handlers)
