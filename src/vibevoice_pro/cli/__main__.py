"""`python -m vibevoice_pro.cli` is `vibevoice-pro`."""

from vibevoice_pro.cli import app

app()
