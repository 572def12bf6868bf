"""VibeVoice Pro: text to speech that begins to speak while the text is still being written."""

__version__ = "0.1.0"
