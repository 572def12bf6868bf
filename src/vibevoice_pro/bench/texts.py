"""Texts that benchmarks speak: plain prose, written for this purpose."""

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


_JAPANESE = (
    "おはようございます、朝の番組へようこそ。",
    "今日は、山の泉から海まで、一本の川をたどります。",
    "川は石の下から流れ出る細い水で始まり、冷たく澄んでいて、まだ名前もありません。",
    "一キロほど下ると二つ目の流れと出会い、そこから先は地図に青い線で描かれています。",
    "岸辺の最初の村には、水車と、パン屋と、子供が十一人の学校があります。",
    "古い橋のアーチがなぜあんなに狭いのか、考えたことはありますか？",
    "答えは簡単で、狭いアーチは作る間に使う木が少なくて済むからです。",
    "橋を過ぎると谷が開けて、畑は麦を育てるのに十分な広さになります。",
    "春になると水が二メートルも上がり、柵を流してしまうこともあります。",
    "でも、村の人は文句を言いません。残った泥が草を育ててくれるからです。",
    "渡し船は二十分ごとに出ていて、船頭は乗客の名前をほとんど知っています。",
    "暖かい夕方には、町中の人が集まって、話したり食べたり船を眺めたりします。",
    "暗くなるまで堤防に立って、それから最後のバスで家に帰りました。",
    "お聞きくださり、ありがとうございました。また明日、同じ時間にお会いしましょう。",
)
_JAPANESE_OPENINGS = (
    "おはようございます。",
    "お元気ですか？",
    "ありがとうございます。",
    "少し考えさせてください。",
    "はい、こちらが答えです。",
    "それはいい考えですね。",
    "なるほど、分かりました。",
    "では、すぐに始めましょう。",
)
_BY_LANGUAGE = {
    "en": (OPENINGS, SENTENCES, " "),
    "ja": (_JAPANESE_OPENINGS, _JAPANESE, ""),
}


def passage(chars: int, start: int = 0, opening: bool = True, language: str = "en") -> str:
    """About `chars` characters of whole sentences, at least one, from sentence `start` on.

    Args:
        chars: how long the text is to be.
        start: number of the first sentence.
        opening: whether a short one comes first, so that texts of any length begin alike.
        language: BCP-47 primary tag; English, where there is no text of it.
    """
    openings, sentences, space = _BY_LANGUAGE.get(language, _BY_LANGUAGE["en"])
    text = openings[start % len(openings)] if opening else sentences[start % len(sentences)]
    i = start
    while True:
        i += 1
        sentence = sentences[i % len(sentences)]
        if len(text) + len(space) + len(sentence) > chars:
            return text
        text += space + sentence
