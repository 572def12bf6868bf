"""Roman numerals."""

from __future__ import annotations

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
NUMERAL = r"(?:C{1,3}|XC|XL|LX{0,3}|X{1,3})?(?:IX|IV|VI{0,3}|I{1,3})?"
"""A pattern for numbers up to 399; it matches nothing as well, so look ahead for a letter."""

REIGNED = """Karl Carl Ludwig Friedrich Wilhelm Heinrich Otto Leopold Franz Joseph Johann Johannes
Papst Kaiser König Königin Benedikt Pius Leo Paul Georg Eduard Elisabeth Katharina Peter Iwan
Nikolaus Alexander Konstantin Gustav Christian Maximilian Louis Charles Henri François Philippe
Napoléon Jean Pie Benoît Léon Élisabeth Catherine Pierre Nicolas Alexandre Constantin Édouard
Georges Guillaume Luigi Carlo Enrico Filippo Napoleone Vittorio Umberto Giovanni Pio Benedetto Leone
Paolo Elisabetta Caterina Pietro Nicola Alessandro Costantino Edoardo Giorgio Guglielmo Federico
Papa Re Rey Rei Luis Carlos Enrique Felipe Fernando Alfonso Juan Pío Benedicto Isabel Catalina Pedro
Luís Henrique Filipe Afonso João Manuel Pio Bento Catarina Dom Sancho Willem Jan Zygmunt
""".split()
"""Names that a single letter may follow: `Felipe V`, and not `Vitamina C`."""


def value(numeral: str) -> int:
    """What a Roman numeral stands for; 0 for an empty one."""
    values = [_VALUES[letter] for letter in numeral]
    following = [*values[1:], 0]
    return sum(-a if a < b else a for a, b in zip(values, following, strict=False))


REGNAL = (
    rf"(?<!\w)(?:({'|'.join(REIGNED)})(?= [IVX])|([A-ZÀ-Ý][a-zà-ÿ]{{2,20}})(?= [IVX]{{2}}))"
    rf" ({NUMERAL})(?![\w'’.-]\w|\w)"
)
"""A pattern for a name and the numeral behind it."""
