"""`vibevoice-pro`: serve, config, say, voices, …; a file for each kind of command."""

from vibevoice_pro.cli import serve, config, keys, doctor, say, read, models, bench, bench_report  # noqa: F401, I001 (in the order of --help)
from vibevoice_pro.cli.common import app

__all__ = ["app"]
