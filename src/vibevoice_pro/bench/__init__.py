"""Measurements a user can repeat: what `vibevoice-pro bench` runs."""
