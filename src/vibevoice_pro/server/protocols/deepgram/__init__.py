"""Deepgram's interface: `POST /v1/speak` and `WS /v1/speak`."""
