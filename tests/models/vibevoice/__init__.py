"""The numbers in `data/` were recorded from Microsoft's implementation; see data/README.md."""
