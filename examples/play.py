"""Play speech on the sound card: python examples/play.py "Some text." [ws://host:7860/stream]

Needs `pip install sounddevice` (and PortAudio: `apt install libportaudio2`).
"""

import sys

import sounddevice

from vibevoice_pro.client import URL, speak

RATE = 24000
text = sys.argv[1] if len(sys.argv) > 1 else "Hello. This comes from your loudspeaker."
url = sys.argv[2] if len(sys.argv) > 2 else URL

with sounddevice.RawOutputStream(RATE, channels=1, dtype="int16") as card:
    for pcm in speak(text, url, rate=RATE):
        card.write(pcm)  # waits while the card has enough
