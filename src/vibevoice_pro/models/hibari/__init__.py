"""The embedded voice: hibari, a small English model that comes with the install."""
