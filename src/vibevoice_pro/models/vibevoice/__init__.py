"""Microsoft's VibeVoice-Realtime-0.5B in our own code (needs PyTorch).

Text tokens go through a small language model, its hidden states through a larger one; a diffusion
head turns the larger one's last hidden state into a latent of 133 ms, and a causal decoder turns
latents into waveform. Source: microsoft/VibeVoice (MIT licence), read for facts, not copied.
"""
