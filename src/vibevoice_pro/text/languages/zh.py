"""Chinese: written without spaces, so punctuation decides; the words stand where spaces are."""

from __future__ import annotations

from vibevoice_pro.text.languages.base import Language, words

CHINESE = Language(
    conjunctions=words("但是 但 而且 而 所以 因为 因此 如果 虽然 然后 或者 不过 并且 于是 例如"),
    prepositions=words("在 从 对 对于 关于 根据 按照 为了 通过 向 往"),
    sticky=words("的 这 那 这个 那个 一个 不 很 非常 在 从 对 和 与 是 我 你 他 她 它 第 约"),
    before_numbers=words("公元 公元前 上午 下午 第 约 大约 usd eur gbp jpy cny rmb"),
)
