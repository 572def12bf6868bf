"""Vapi's custom voice: `POST /vapi`."""
