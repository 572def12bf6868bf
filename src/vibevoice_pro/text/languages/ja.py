"""Japanese: written without spaces, so punctuation decides; the words stand where spaces are."""

from __future__ import annotations

from vibevoice_pro.text.languages.base import Language, words

JAPANESE = Language(
    conjunctions=words("そして しかし でも だから それで また または つまり 例えば なので ただし"),
    sticky=words("この その あの どの こんな そんな あんな とても 第 約"),
    before_numbers=words("西暦 紀元前 昭和 平成 令和 午前 午後 第 約 usd eur gbp jpy"),
)
