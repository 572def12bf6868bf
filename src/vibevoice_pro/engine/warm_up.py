"""A first text that is spoken to nobody: then it is known what a step costs."""

from __future__ import annotations

import time
from collections.abc import Callable

from vibevoice_pro.engine.host import Host
from vibevoice_pro.models.base import Options

_TEXT = (
    "These sentences are spoken to nobody. They are there to learn how long the model takes for a "
    "second of speech, and to have everything loaded when the first listener comes. A text of this "
    "length is like what people send: some short sentences, some longer ones with a clause or two, "
    "and now and then a long one that goes on for a while, because its writer had more to say."
)
_TEXTS = {
    "ja": "この文章は、誰にも聞かれません。一秒の音声を作るのに、どれだけ時間がかかるのかを調べ、"
    "最初の人が来た時に、すべてが読み込まれているようにするためのものです。短い文もあれば、少し"
    "長い文もあり、時々、書いた人に言いたいことが多かったので、なかなか終わらない文もあります。",
}
"""By the language of the voice; any other says `_TEXT`."""


def warm_up(host: Host, seconds: float = 2.0, stop: Callable[[], bool] = lambda: False) -> None:
    """Let a model speak alone, and in a full batch; its meter learns what that costs.

    `seconds`: at most, for each; `stop`: asked before each step whether to leave it at that.
    """
    for size in (1, host.model.info.max_batch):
        _speak(host, size, seconds, stop)


def _speak(host: Host, size: int, seconds: float, stop: Callable[[], bool]) -> None:
    model = host.model
    voice, about = next(iter(model.voices.items()))
    utterances = [model.open(voice, Options()) for _ in range(size)]
    for utterance in utterances:
        utterance.feed(_TEXTS.get(about.language, _TEXT))
        utterance.finish()
        utterance.prepare()
    end = time.monotonic() + seconds
    while (batch := [u for u in utterances if u.ready]) and time.monotonic() < end and not stop():
        host.step(batch)
        for utterance in batch:
            utterance.prepare()
    for utterance in utterances:
        utterance.close()
