"""OpenAI's speech interface: `POST /v1/audio/speech` and what its clients ask besides."""
