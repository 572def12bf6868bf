"""The protocols of the server: each translates its own wire, and nothing else."""
