"""Wyoming, which Home Assistant speaks: a TCP server on a port of its own."""
