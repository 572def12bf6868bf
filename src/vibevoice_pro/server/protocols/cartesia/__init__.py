"""Cartesia's interface: `WS /tts/websocket`, `POST /tts/bytes`, `POST /tts/sse`, `GET /voices`."""
