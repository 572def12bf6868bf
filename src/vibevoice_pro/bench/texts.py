"""Texts that benchmarks speak: plain English prose written for this purpose."""

from __future__ import annotations

SENTENCES = (
    "Good morning, and welcome to the early programme.",
    "Today we follow a river from its spring in the hills down to the sea.",
    "It begins as a thread of water under a stone, cold and clear, and nobody has given it a name.",
    "After a mile or so it meets a second stream, and from there on the maps show it in blue.",
    "The first village on its banks has a mill, a bakery and a school with eleven children.",
    "Have you ever asked yourself why old bridges have such narrow arches?",
    "The answer is simple: narrow arches need less timber while they are being built.",
    "Below the bridge the valley opens, and the fields are wide enough for wheat.",
    "In spring the water rises by two metres, sometimes three, and takes the fences with it.",
    "People here do not complain about that; the mud it leaves behind feeds the meadows.",
    "A ferry crosses every twenty minutes, and the ferryman knows most passengers by name.",
    "He told us that his grandfather had rowed the same boat, though every plank has been changed.",
    "Further down, the town has turned its back to the river for a hundred years.",
    "Only lately have they pulled down the sheds, planted trees and put benches along the shore.",
    "On warm evenings the whole town seems to be there, talking, eating and watching the boats.",
    "The last ten miles are slow, because the land is flat and the tide pushes back twice a day.",
    "Birds come in thousands, and with them people who carry long lenses and get up before dawn.",
    "Where the river ends is hard to say: the water only tastes a little more of salt each hour.",
    "We stood on the dyke until it was dark, and then we took the last bus home.",
    "Thank you for listening; we are back tomorrow at the same time.",
)


OPENINGS = (
    "Good morning to you.",
    "How are you, my dear?",
    "Thank you very much.",
    "Let me think a bit.",
    "Here is your answer.",
    "That is a good idea.",
    "I see what you mean.",
    "We begin right away.",
)
"""About 20 characters each: how a voice agent tends to begin."""


def passage(chars: int, start: int = 0, opening: bool = True) -> str:
    """About `chars` characters of whole sentences, at least one, from sentence `start` on.

    With `opening`, one of `OPENINGS` comes first, so that texts of any length begin alike.
    """
    text = OPENINGS[start % len(OPENINGS)] if opening else SENTENCES[start % len(SENTENCES)]
    i = start
    while True:
        i += 1
        sentence = SENTENCES[i % len(SENTENCES)]
        if len(text) + 1 + len(sentence) > chars:
            return text
        text += " " + sentence
