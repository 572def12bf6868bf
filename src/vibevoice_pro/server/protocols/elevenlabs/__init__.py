"""ElevenLabs' text-to-speech interface: text over HTTP or WebSockets, with times of characters."""
