"""Korean: what prepositions do in other languages is part of the words."""

from __future__ import annotations

from vibevoice_pro.text.languages.base import Language, words

KOREAN = Language(
    conjunctions=words(
        """그리고 그러나 하지만 그런데 그래서 따라서 그러므로 또는 또한 및 혹은 만약 왜냐하면
        그러면 예를"""
    ),
    sticky=words("이 그 저 이런 그런 저런 한 두 세 네 각 매 제 약 안 못 매우 아주 더 및"),
    before_numbers=words("서기 기원전 오전 오후 제 약 usd eur gbp jpy krw"),
)
