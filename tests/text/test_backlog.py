"""Text that waits: a queue of characters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vibevoice_pro.text.backlog import Backlog

CALLS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.one_of(st.text(" ab"), st.just("x " * 900))),
        st.tuples(st.just("read"), st.integers(0, 2000)),
        st.tuples(st.just("skip"), st.none()),
    )
)


@given(CALLS)
def test_it_is_a_queue(calls: list) -> None:
    backlog, text = Backlog(), ""
    for verb, argument in calls:
        if verb == "append":
            backlog.append(argument)
            text += argument
        elif verb == "read":
            assert backlog.read(argument) == text[:argument]
            text = text[argument:]
        else:
            backlog.skip_space()
            text = text.lstrip()
        assert len(backlog) == len(text)
    assert backlog.read(len(text) + 1) == text


def test_text_of_any_length_is_read_in_portions() -> None:
    backlog = Backlog()
    backlog.append("ab" * 250_000)
    portions = [backlog.read(300) for _ in range(1_700)]
    assert "".join(portions) == "ab" * 250_000
