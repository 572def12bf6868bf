"""Names that are no voices here, each with what it stands for.

They come with the package, in a file for each place where they are known (`aliases/`), and can be
changed by a file of the operator's. Each is a JSON object; a name, in any case, stands for one of:

    "narrator": "en-GB-Emma_woman"                      this voice
    "tenor": {"language": "it", "gender": "man"}        the nearest voice here of that kind
    "nova": {"gender": "woman"}                         … of the language asked for, else English
    "onyx": null                                        nothing: the name is not known any more
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vibevoice_pro.errors import BadParameter

PUBLISHED, OPENAI, OPERATOR = "published", "openai", "operator"
"""Where names are known: those that VibeVoice published, OpenAI's, the operator's own."""

SHOWN = (PUBLISHED, OPENAI, OPERATOR)
"""Those that lists of voices show; all the others are taken too."""

_FILES = Path(__file__).with_name("aliases")
_SHIPPED = (PUBLISHED, OPENAI, "elevenlabs", "deepgram", "cartesia")
_GENDERS = ("woman", "man", "")
_MAX_BYTES = 2**20


@dataclass(frozen=True)
class Alias:
    """What a name stands for.

    Attributes:
        name: as it is written in the table.
        voice: id of a voice; empty: the nearest of `language` and `gender`.
        language: BCP-47 tag; empty: that of the request, else English.
        gender: `woman`, `man` or empty: either.
        origin: where the name is known; see `OPERATOR`.
    """

    name: str
    voice: str = ""
    language: str = ""
    gender: str = ""
    origin: str = OPERATOR


def load_aliases(file: str = "") -> dict[str, Alias]:
    """The aliases by their names, which are case-folded.

    `file`: the operator's, whose entries come on top; empty: none.

    Raises:
        BadParameter: it cannot be read, or an entry is not as it should be; names it.
    """
    aliases: dict[str, Alias | None] = {}
    for origin in _SHIPPED:
        aliases |= _read(_FILES / f"{origin}.json", origin)
    if file:
        aliases |= _read(Path(file).expanduser(), OPERATOR)
    return {name: alias for name, alias in aliases.items() if alias is not None}


def _read(path: Path, origin: str) -> dict[str, Alias | None]:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES:,} bytes")
        table = json.loads(data)
    except OSError as error:
        raise _bad(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise _bad(f"{path} is no JSON file: {error}") from error
    if not isinstance(table, Mapping):
        raise _bad(f"{path} must be a JSON object of names")
    return {name.casefold(): _entry(path, name, value, origin) for name, value in table.items()}


def _entry(path: Path, name: str, value: object, origin: str) -> Alias | None:
    if value is None:
        return None
    if isinstance(value, str) and value:
        return Alias(name, voice=value, origin=origin)
    if isinstance(value, Mapping) and value.keys() <= {"language", "gender"}:
        language, gender = value.get("language", ""), value.get("gender", "")
        if isinstance(language, str) and gender in _GENDERS:
            return Alias(name, language=language, gender=gender, origin=origin)
    raise _bad(
        f"{path}: {name[:80]!r} must be the id of a voice, null, or an object with a language "
        f"(like de or en-GB) and a gender (woman or man); got {json.dumps(value)[:80]}"
    )


def _bad(message: str) -> BadParameter:
    return BadParameter(f"aliases: {message}", field="aliases")
