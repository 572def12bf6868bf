"""Where settings come from: flags > environment > config/.env > config/model.yaml > defaults.

In the environment a setting is called `VIBEVOICE_STEPS`, or `VIBE_STEPS`; in config/.env also just
`STEPS`; in config/model.yaml `steps`. A name that is no setting is refused, with the nearest one.
"""

from __future__ import annotations

import difflib
import enum
import io
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import yaml
from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from vibevoice_pro.config.defaults import LANGUAGES
from vibevoice_pro.config.folder import VARIABLE, Folder
from vibevoice_pro.config.settings import Settings
from vibevoice_pro.errors import BadParameter

PREFIXES = ("VIBEVOICE_", "VIBE_")
"""Of a setting's name in the environment."""

_NOT_SETTINGS = {VARIABLE, "VIBEVOICE_API_KEY"}  # the second is the client's
_MAX_BYTES = 2**20  # of a file
_MEANT = {"jp": "ja", "kr": "ko", "sp": "es"}  # as Microsoft's voices are called


class Rank(enum.IntEnum):
    """How much a source counts."""

    FOLDER = 0
    MODEL_FILE = 1
    ENV_FILE = 2
    ENVIRONMENT = 3
    FLAG = 4
    HTTP = 5


@dataclass(frozen=True)
class Given:
    """A value that somebody gave.

    Attributes:
        value: as it was written.
        source: `flag`, `environment`, or the file and line.
        rank: how much the source counts.
    """

    value: object
    source: str
    rank: Rank


@dataclass(frozen=True)
class Read:
    """Settings, and where each comes from.

    Attributes:
        settings: all of them.
        given: those that are no defaults, by name.
    """

    settings: Settings
    given: Mapping[str, Given]

    def source(self, name: str) -> str:
        """Where a setting's value comes from."""
        return self.given[name].source if name in self.given else "default"

    @classmethod
    def of(cls, settings: Settings) -> Read:
        """Settings that a program gave, not a user."""
        names = settings.model_fields_set
        given = {n: Given(getattr(settings, n), "program", Rank.FLAG) for n in names}
        return cls(settings, given)


def read(
    flags: Mapping[str, object], environment: Mapping[str, str], folder: Folder | None = None
) -> Read:
    """Collect the settings; `folder`: the working folder, whose config/ is read.

    Raises:
        BadParameter: a name is unknown or a value not allowed; tells where it was given.
    """
    given: dict[str, Given] = {}
    if folder is not None:
        if folder.cache is not None:
            given["home"] = Given(str(folder.cache), "working folder", Rank.FOLDER)
        given["keys"] = Given(str(folder.keys_file), "working folder", Rank.FOLDER)
        given |= from_yaml(folder.model_file)
        given |= from_dotenv(folder.env_file)
    given |= from_environment(environment)
    given |= {name: Given(value, "flag", Rank.FLAG) for name, value in flags.items()}
    return Read(make(given), given)


def make(given: Mapping[str, Given]) -> Settings:
    """Settings of given values and defaults.

    Raises:
        BadParameter: a value is not allowed.
    """
    try:
        return Settings.model_validate({name: each.value for name, each in given.items()})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        wrong = first["msg"].removeprefix("Value error, ") if first["type"] == "value_error" else ""
        shown = f"{given[name].value!r}"[:80]
        said = wrong or f"{name} must be {allowed(Settings.model_fields[name])}; got {shown}"
        raise BadParameter(_at(given[name]) + said, field=name) from None
    except BadParameter as error:
        raise BadParameter(f"{_at(given[error.field])}{error}", field=error.field) from None


def from_environment(environment: Mapping[str, str]) -> dict[str, Given]:
    """Settings in the environment; `VIBEVOICE_STEPS` counts more than `VIBE_STEPS`.

    Raises:
        BadParameter: a name is unknown.
    """
    given = {}
    for prefix in reversed(PREFIXES):
        for variable, value in environment.items():
            if variable.startswith(prefix) and variable not in _NOT_SETTINGS:
                name = _known(variable.removeprefix(prefix), prefix, f"environment: {variable}")
                given[name] = Given(value, f"environment, {variable}", Rank.ENVIRONMENT)
    return given


def from_dotenv(path: Path) -> dict[str, Given]:
    """Settings in a file of `NAME=value` lines; none: there is no such file.

    Raises:
        BadParameter: a line is none, or its name is unknown.
    """
    text = _text(path)
    given = {}
    for binding in parse_stream(io.StringIO(text)):
        where = f"{path}, line {binding.original.line}"
        if binding.error:
            raise BadParameter(f"{where}: a line is NAME=value; got {binding.original.string!r}")
        if binding.key is None or binding.value is None:
            continue
        prefix = next((p for p in PREFIXES if binding.key.startswith(p)), "")
        name = _known(binding.key.removeprefix(prefix), prefix, where)
        given[name] = Given(binding.value, where, Rank.ENV_FILE)
    return given


def from_yaml(path: Path) -> dict[str, Given]:
    """Settings in a YAML file, a mapping; none: there is no such file.

    Raises:
        BadParameter: it is no YAML, or a name in it is unknown; tells the line.
    """
    text = _text(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise BadParameter(
            f"{path}{line}: {getattr(error, 'problem', None) or 'it is no YAML'}"
        ) from None
    if content is None:
        return {}
    if not isinstance(node, yaml.MappingNode) or not isinstance(content, dict):
        raise BadParameter(f"{path} must hold names and values, like steps: 5")
    given = {}
    for (key, value), written in zip(node.value, content, strict=True):
        where = f"{path}, line {key.start_mark.line + 1}"
        name = _known(str(written).replace("-", "_"), "", where)
        if name == "languages" and isinstance(value, yaml.MappingNode):
            _check_languages(value, path)
        if content[written] is not None:
            given[name] = Given(content[written], where, Rank.MODEL_FILE)
    return given


def _check_languages(node: yaml.MappingNode, path: Path) -> None:
    for key, block in node.value:
        where = f"{path}, line {key.start_mark.line + 1}: "
        if key.value not in LANGUAGES:
            near = _MEANT.get(key.value) or nearest(key.value, LANGUAGES)
            raise BadParameter(
                f"{where}there is no language {key.value!r}{_meant(near)}; there are "
                f"{', '.join(LANGUAGES)}",
                field="languages",
            )
        for inner, _ in block.value if isinstance(block, yaml.MappingNode) else ():
            if inner.value != "voices":
                raise BadParameter(
                    f"{path}, line {inner.start_mark.line + 1}: a language has no key "
                    f"{inner.value!r}; the only one is voices",
                    field="languages",
                )


def allowed(field: FieldInfo) -> str:
    """What a setting may be, in words: `a whole number from 1 to 100`."""
    kind = field.annotation
    if get_origin(kind) is Literal:
        *most, last = get_args(kind)
        return f"{', '.join(most)} or {last}"
    if get_origin(kind) in (Union, types.UnionType):
        return "text"
    names = {int: "a whole number", float: "a number", bool: "true or false"}
    said = names.get(kind, "text") if isinstance(kind, type) else "text"
    bounds = {
        name: f"{getattr(bound, name):g}"
        for bound in field.metadata
        for name in ("ge", "gt", "le")
        if getattr(bound, name, None) is not None
    }
    if "le" in bounds:
        low = f"from {bounds['ge']}" if "ge" in bounds else f"above {bounds['gt']}"
        return f"{said} {low} to {bounds['le']}"
    if "ge" in bounds:
        return f"{said} of at least {bounds['ge']}"
    return f"{said} above {bounds['gt']}" if "gt" in bounds else said


def nearest(name: str, known: Any) -> str:
    """The known name that is most like it, or nothing."""
    return "".join(difflib.get_close_matches(name, list(known), 1, 0.5))


def _meant(name: str) -> str:
    return f" (did you mean {name}?)" if name else ""


def _known(name: str, prefix: str, where: str) -> str:
    """The setting that is called so.

    Raises:
        BadParameter: there is none.
    """
    lower = name.lower()
    if lower in Settings.model_fields:
        return lower
    near = nearest(lower, Settings.model_fields)
    near = prefix + (near.upper() if name.isupper() else near) if near else ""
    raise BadParameter(
        f"{where}: there is no setting {prefix}{name}{_meant(near)}; vibevoice-pro config lists "
        "them",
        field=name.lower(),
    )


def _at(given: Given) -> str:
    return "" if given.rank >= Rank.FLAG else f"{given.source}: "


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise BadParameter(f"{path} has more than {_MAX_BYTES:,} bytes")
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise BadParameter(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadParameter(f"{path} is no UTF-8 text") from error
