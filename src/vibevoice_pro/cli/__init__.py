"""`vibevoice-pro`: serve, config, say, voices, …; a file for each kind of command."""

# fmt: off
from vibevoice_pro.cli import (  # noqa: I001 (in the order of --help)
    serve, config, keys, doctor, say, read, models, try_, plan, bench, bench_report,  # noqa: F401
)
from vibevoice_pro.cli.common import app
# fmt: on

__all__ = ["app"]
