"""The native protocol: `WS /stream`, see docs/protocol.md."""
