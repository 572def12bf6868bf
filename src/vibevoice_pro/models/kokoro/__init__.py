"""Kokoro-82M: Japanese voices, which come with the extra `ja`."""
