"""Where text is cut: never in the wrong place, and the same however it arrives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibevoice_pro.text.segment import MAX_PIECE, PHRASES, SCRAPS, Cut, Limit, Piece, Segmenter


def cut(*parts: str, finish: bool = True, limits: Sequence[Limit] = PHRASES) -> list[Piece]:
    """Feed parts, taking each piece as soon as it is there."""
    segmenter, pieces = Segmenter(limits), []

    def drain() -> None:
        while (piece := segmenter.take()) is not None:
            pieces.append(piece)

    for part in parts:
        segmenter.feed(part)
        drain()
    if finish:
        segmenter.finish()
        drain()
        assert segmenter.done
        assert segmenter.waiting == 0 or not "".join(parts)[-segmenter.waiting :].strip()
    return pieces


def texts(*parts: str, finish: bool = True) -> list[str]:
    return [p.text for p in cut(*parts, finish=finish)]


BROKEN_ONLY_AT_SPACES = [
    "I met Dr. Smith at 5 p.m. in the U.S. embassy, e.g. on Monday, Jan. 5 at No. 10 Downing St.!",
    "Pi is 3.14159 and e is 2.71828, roughly; 1,000,000 people know that, I.B.M. says so.",
    "See https://example.com/a.b?c=1,2;3 or write to first.last@mail.example.org, please.",
    "It costs $3.2 billion, i.e. 10 million a week. That is a lot of money for J. R. R. Tolkien.",
    'He said "Stop!" and left. "Why?" she asked (quietly). Nobody knew... or cared.',
]


@pytest.mark.parametrize("text", BROKEN_ONLY_AT_SPACES)
def test_nothing_is_cut_inside_a_word(text: str) -> None:
    assert " ".join(texts(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello there. How are you today?", ["Hello there. How are you today?"]),
        ("Good morning, everyone, and welcome.", ["Good morning, everyone,", "and welcome."]),
        ("Yes. No. Well, I think so. Good.", ["Yes. No. Well,", "I think so.", "Good."]),
        ("I walked down to the river and then I saw the boat.",
         ["I walked down to the river", "and then I saw the boat."]),
        ("Title\n\nThe first line of it.", ["Title", "The first line of it."]),
        ("- one thing here\n- two things here\n", ["- one thing here", "- two things here"]),
        ("你好，世界。今天天气很好，走吧。", ["你好，世界。今天天气很好，", "走吧。"]),
        ("昨日は雨が降っていたので家で本を読んで過ごしました。",
         ["昨日は雨が降っていたので", "家で本を読んで過ごしました。"]),
        ("新しい製品の計画について話し合った。", ["新しい製品の計画について", "話し合った。"]),
        ("駅前のお店を取り扱い説明書で調べた。", ["駅前のお店を", "取り扱い説明書で調べた。"]),
    ],
)  # fmt: skip
def test_pieces(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


@pytest.mark.parametrize(
    "text", ["Dr. Smith came.", "At 5 p.m. sharp.", "The U.S. army.", "p. 5 is"]
)
def test_abbreviations_end_no_sentence(text: str) -> None:
    assert texts(text) == [text]


def test_boundaries_are_told() -> None:
    pieces = cut("One two three, four five six. Seven eight nine.\n\nTen eleven twelve.")
    assert [p.cut for p in pieces] == [Cut.CLAUSE, Cut.SENTENCE, Cut.PARAGRAPH, Cut.SENTENCE]
    assert [p.first for p in pieces] == [True, False, False, False]


def test_first_piece_is_there_before_the_sentence_is() -> None:
    assert texts("Good morning, my friend, ", "I have", finish=False) == [
        "Good morning, my friend,"
    ]
    long = "The old man who lived near the harbour had never seen such a storm in all his years"
    assert texts(long, finish=False)[0] == "The old man"


def test_later_pieces_are_longer() -> None:
    words = " ".join(f"word{i}" for i in range(200))
    lengths = [len(t.split()) for t in texts(words)]
    assert lengths[0] <= 6
    assert lengths[0] < lengths[1] < lengths[2]
    assert max(lengths) <= 28


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The meeting is at 3 pm and then we go home.",
         ["The meeting is", "at 3 pm", "and then we go home."]),
        ("He was born May 17, 2024 in a small town.",
         ["He was born", "May 17, 2024 in a", "small town."]),
        ("Between 9 a.m. and 5 p.m. we are open.", ["Between 9 a.m. and", "5 p.m. we are open."]),
        ("From 1990 – 1995 he lived in Rome.", ["From 1990 – 1995 he", "lived in Rome."]),
        ("He wrote that E = mc² in his paper.", ["He wrote that", "E = mc² in his", "paper."]),
        ("Let us solve a + b = c for the variable b.",
         ["Let us solve", "a + b = c", "for the variable b."]),
        ("On 17 May 2024 5 million saw it.", ["On 17 May 2024 5 million", "saw it."]),
        ("There were 5, 6, 7 or 8 of them.", ["There were 5,", "6, 7 or 8 of", "them."]),
        ("Good morning, everyone - and welcome - to the show.",
         ["Good morning, everyone -", "and welcome -", "to the show."]),
    ],
)  # fmt: skip
def test_what_is_read_as_one_stays_whole(text: str, expected: list[str]) -> None:
    assert [p.text for p in cut(text, limits=SCRAPS)] == expected
    assert [p.text for p in cut(*text, limits=SCRAPS)] == expected


def test_numbers_alone_are_cut_too() -> None:
    pieces = cut(" ".join(map(str, range(1000))), limits=SCRAPS)
    assert max(len(p.text.split()) for p in pieces) <= 10


def test_a_dotted_day_ends_no_sentence() -> None:
    segmenter = Segmenter(SCRAPS, "de-AT")
    segmenter.feed("Wir kommen am 17. Mai wieder zu euch. Gut so.")
    segmenter.finish()
    piece = segmenter.take()
    assert piece is not None
    assert piece.text == "Wir kommen am 17. Mai"


def test_flush_speaks_what_is_there_and_begins_a_new_turn() -> None:
    segmenter = Segmenter()
    segmenter.feed("Half a sen")
    assert segmenter.take() is None
    segmenter.flush()
    piece = segmenter.take()
    assert piece is not None
    assert piece.text == "Half a sen"
    segmenter.feed("tence, and the next one follows")
    piece = segmenter.take()
    assert piece is None or piece.first
    segmenter.finish()
    piece = segmenter.take()
    assert piece is not None
    assert piece.first


def test_flush_in_mid_text_is_the_same_whenever_the_rest_arrives() -> None:
    one, two = Segmenter(), Segmenter()
    one.feed("Hello my")
    one.flush()
    taken = [one.take(), one.take()]
    one.feed(" dear friend of the house.")
    one.finish()
    taken = [t for t in [*taken, one.take(), one.take()] if t]
    two.feed("Hello my")
    two.flush()
    two.feed(" dear friend of the house.")
    two.finish()
    later = []
    while (piece := two.take()) is not None:
        later.append(piece)
    assert later == taken


def test_pause_gives_whole_words_only() -> None:
    segmenter = Segmenter()
    segmenter.feed("I wonder whe")
    segmenter.pause()
    piece = segmenter.take()
    assert piece is not None
    assert piece.text == "I wonder"
    segmenter.pause()
    assert segmenter.take() is None
    segmenter.feed("ther. ")
    segmenter.pause()
    piece = segmenter.take()
    assert piece is not None
    assert piece.text == "whether."


@pytest.mark.parametrize("text", ["3.", "Dr.", "wor", "", "   "])
def test_pause_waits_for_what_may_go_on(text: str) -> None:
    segmenter = Segmenter()
    segmenter.feed(text)
    segmenter.pause()
    assert segmenter.take() is None


ENDLESS = [
    "x", "1", "a-", "1-", "state-of-the-art-of-the-", "https://example.com/a?b=c&", "deadbeef01",
    "SGVsbG8gd29ybGQh", "🎉", "%", "[a](", "Ⅷ", "你好世界", "e\u0301\u0316", "M", "...", "(", "。",
    "-",
]  # fmt: skip


@pytest.mark.parametrize("limits", [PHRASES, SCRAPS, [Limit(999, 999, 0)]])
@pytest.mark.parametrize("pattern", ENDLESS)
def test_a_word_that_never_ends_is_cut(pattern: str, limits: Sequence[Limit]) -> None:
    text = pattern * (10_000 // len(pattern))
    pieces = cut(text, limits=limits)
    assert "".join(p.text for p in pieces) == text
    assert max(len(p.text) for p in pieces) <= MAX_PIECE
    assert max(len(p.ahead) for p in pieces) <= 2 * MAX_PIECE
    assert pieces == cut(*text, limits=limits)


def test_a_piece_of_long_words_is_bounded() -> None:
    pieces = cut(("incomprehensibilities" * 3 + " ") * 100)
    assert max(len(p.text) for p in pieces) <= MAX_PIECE
    assert {len(p.text.split()[0]) for p in pieces} == {63}, "cut between words"


@pytest.mark.parametrize("before", ["", "Hello", "Hello there, my friend.\n"])
@pytest.mark.parametrize("end", [Segmenter.prepare, Segmenter.flush, Segmenter.finish])
def test_blanks_do_not_wait(before: str, end: Callable[[Segmenter], None]) -> None:
    segmenter = Segmenter()
    segmenter.feed(before + " " * 250_000)
    segmenter.feed("\n" * 240_000)
    end(segmenter)
    while segmenter.take() is not None:
        pass
    assert segmenter.waiting == 0
    assert segmenter.fed == len(before) + 490_000
    segmenter.feed("world")
    segmenter.finish()
    piece = segmenter.take()
    assert piece is not None
    assert (piece.text, piece.start) == ("world", segmenter.fed - 5)


def test_asking_changes_nothing() -> None:
    segmenter = Segmenter()
    segmenter.feed("Good morning, my friend, I have seen it. ")
    assert not segmenter.ready, "nothing was looked for yet"
    segmenter.prepare()
    for _ in range(3):
        assert segmenter.ready
        assert not segmenter.done
        assert not segmenter.between_turns
    assert segmenter.next == segmenter.take()
    assert not segmenter.ready, "as of the last prepare"
    segmenter.finish()
    assert not segmenter.done, "as of the last prepare"
    segmenter.prepare()
    assert segmenter.take() is not None
    segmenter.prepare()
    assert segmenter.done


def test_pause_looks_at_one_piece_however_much_waits() -> None:
    segmenter = Segmenter()
    segmenter.feed("word " * 100_000)
    assert segmenter.pause() is None, "a piece is certain, so nobody has to be asked"
    assert segmenter.waiting == 500_000


def test_a_book_is_cut_as_it_is_spoken_not_when_it_arrives() -> None:
    segmenter = Segmenter()
    segmenter.feed("A sentence of this book is not long. " * 20_000)
    first = segmenter.take()
    assert first is not None
    assert first.text == "A sentence of this book"
    assert segmenter.waiting > 700_000


WORDS = st.sampled_from(
    """Hello there, my friend. I I'm Dr. Mr. U.S. e.g. 3.14 3. 1,000 and or the of "Stop!" (why?) -
    * 1. 2) https://a.b/c?d=e x@y.org well... no; yes: 你好。 世界， — a b c approx. etc. OK! été
    私は東京に 行くので、 デモを
    ends. Begins … May 17, 17. 2024 $5 million x² + = – 9 a.m.""".split()
)
SPACES = st.sampled_from([" ", " ", " ", "\n", "\n\n", "  ", " \n ", "\t", "", "\r\n", " " * 70])
TEXT = st.one_of(
    st.lists(st.tuples(WORDS, SPACES), max_size=60).map(lambda x: "".join(a + b for a, b in x)),
    st.text(max_size=200),
)


@settings(max_examples=400, deadline=None)
@given(TEXT, st.sampled_from([PHRASES, SCRAPS]), st.data())
def test_any_way_of_sending_gives_the_same_pieces(
    text: str, limits: Sequence[Limit], data: st.DataObject
) -> None:
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=12).map(sorted))
    parts = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    assert cut(*parts, limits=limits) == cut(text, limits=limits)
    assert cut(*text, limits=limits) == cut(text, limits=limits)


@settings(max_examples=300, deadline=None)
@given(TEXT, st.sampled_from([PHRASES, SCRAPS]))
def test_pieces_cover_the_text_in_order(text: str, limits: Sequence[Limit]) -> None:
    at = 0
    for piece in cut(text, limits=limits):
        assert piece.text == text[piece.start : piece.end]
        assert not text[at : piece.start].strip()
        assert piece.text.strip() == piece.text != ""
        at = piece.end
    assert not text[at:].strip()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.tuples(st.just("feed"), TEXT), st.tuples(
    st.sampled_from(["flush", "pause", "take"]), st.just(""))), max_size=30))  # fmt: skip
def test_any_order_of_calls_speaks_everything_once(calls: list[tuple[str, str]]) -> None:
    segmenter, text, spoken = Segmenter(), "", ""
    for verb, argument in calls:
        if verb == "feed":
            segmenter.feed(argument)
            text += argument
        elif verb == "take":
            piece = segmenter.take()
            spoken += piece.text if piece else ""
        else:
            getattr(segmenter, verb)()
    segmenter.finish()
    while (piece := segmenter.take()) is not None:
        spoken += piece.text
    assert segmenter.done
    assert "".join(spoken.split()) == "".join(text.split())
