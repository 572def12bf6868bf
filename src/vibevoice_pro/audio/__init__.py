"""Waveforms on their way out: resampling, PCM frames, files. Knows nothing of text or models."""
