"""The engine: one thread that owns the model and serves every stream in time."""
