"""What of a text its language is told by depends on the text alone."""

from __future__ import annotations

from vibevoice_pro.speech.sessions.opening import LOOKS, Opening

TEXT = "word " * 200


def looks(*pieces: str) -> list[str]:
    """All that is looked at of a text that comes in pieces, when nothing is found."""
    opening, seen = Opening(), []
    for i, piece in enumerate(pieces):
        opening.add(piece)
        while (text := opening.due(complete=i == len(pieces) - 1)) is not None:
            seen.append(text)
            opening.looked(found=False)
    assert opening.settled
    return seen


def test_a_long_text_is_looked_at_three_times() -> None:
    assert looks(TEXT) == [TEXT[: look - 1] for look in LOOKS]


def test_in_pieces_it_is_the_same() -> None:
    for text in (TEXT, TEXT[:150], TEXT[:90]):
        assert looks(*text) == looks(text)


def test_a_short_text_is_looked_at_when_it_is_complete() -> None:
    opening = Opening()
    opening.add("Good morning")
    assert opening.due(complete=False) is None
    assert opening.due(complete=True) == "Good morning"


def test_a_word_that_may_go_on_is_left_out() -> None:
    assert looks("a" * 98 + " bcdef")[0] == "a" * 98


def test_text_without_spaces_is_looked_at_as_it_is() -> None:
    assert looks("字" * 120) == ["字" * 100, "字" * 120]


def test_what_is_found_settles_it() -> None:
    opening = Opening()
    opening.add(TEXT)
    opening.looked(found=True)
    opening.add(TEXT)
    assert opening == Opening("", LOOKS[0], settled=True)
    assert opening.due(complete=True) is None


def test_little_is_kept() -> None:
    opening = Opening()
    for _ in range(1000):
        opening.add(TEXT)
    assert len(opening.text) == LOOKS[-1]
