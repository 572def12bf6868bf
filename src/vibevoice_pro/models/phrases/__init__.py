"""What models share that speak a phrase at a time, each by itself.

From words and their phonemes (`words`) to phrases and back to one wave (`utterance`), with the
sound of each joined to that of the last (`sound`).
"""
