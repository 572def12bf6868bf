"""Twilio Media Streams: a WebSocket `/twilio` that Twilio connects to."""
