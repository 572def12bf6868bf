"""`vibevoice-pro bench report`: the figures that users compare, measured on this machine.

A server is started in a process of its own for each memory limit, one after the other, and driven
over its WebSocket as any program would. Each part of the report is a file here; `run` puts them
together, `markdown` and `plots` show them.
"""
