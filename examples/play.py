"""Play speech on the sound card.

Needs the package sounddevice and PortAudio: pip install sounddevice; apt install libportaudio2.
"""

import argparse
import sys

from vibevoice_pro.client import URL, Lost, Refused, speak

RATE = 24000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", nargs="?", default="Hello. This comes from your loudspeaker.")
    parser.add_argument("--url", default=URL, help="the server's address (default: %(default)s)")
    parser.add_argument("--voice", help="a voice id, see /config of the server")
    arguments = parser.parse_args()
    try:
        import sounddevice
    except (ImportError, OSError):  # the package is missing, or PortAudio is
        sys.exit("play.py needs: pip install sounddevice; apt install libportaudio2")
    try:
        with sounddevice.RawOutputStream(RATE, channels=1, dtype="int16") as card:
            for pcm in speak(arguments.text, arguments.url, voice=arguments.voice, rate=RATE):
                card.write(pcm)  # waits while the card has enough
    except (Lost, Refused, ValueError, sounddevice.PortAudioError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
