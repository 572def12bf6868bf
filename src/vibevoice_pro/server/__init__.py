"""HTTP and WebSocket in front of the engine, and the web console."""
