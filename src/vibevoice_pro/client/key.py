"""The API key that a server may want."""

from __future__ import annotations

import os

VARIABLE = "VIBEVOICE_API_KEY"
"""Where a key is found that is not given."""


def authorization(api_key: str | None = None) -> dict[str, str]:
    """The header that brings a key; None: that of the environment, if there is one."""
    key = os.environ.get(VARIABLE, "") if api_key is None else api_key
    return {"Authorization": f"Bearer {key}"} if key else {}
