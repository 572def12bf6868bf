"""What is read aloud of a page."""

from __future__ import annotations

import pytest

from vibevoice_pro.documents.html_text import heading_of, links_of, text_of


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One\n  line.</p><p>Two</p>", "One line.\n\nTwo"),
        ("<h1>Title</h1>Text<br/>next", "Title\n\nText\nnext"),
        ("a<script>if (a < b) c()</script>b<style>p{}</style>c", "abc"),
        ("<head><title>No</title><link href=x></head><body>Yes", "Yes"),
        ("<script/><p>Still here</p>", "Still here"),
        ("<svg><text>no</text><svg/></svg>yes<math><mi>x</mi></math>", "yes"),
        ("caf&eacute; &#8212; &amp;c.", "café — &c."),
        ("<ul><li>one</li><li>two</li></ul>", "one\n\ntwo"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ('told<a epub:type="noteref" href="#n">3</a> you', "told you"),
        ("<ruby>漢<rt>かん</rt></ruby>字", "漢字"),
        ("<b>bo</b>ld", "bold"),
        ("<!-- no --><![CDATA[no]]>yes", "yes"),
        ("<p>not closed <i>at all", "not closed at all"),
        ("", ""),
    ],
)
def test_text(html: str, text: str) -> None:
    assert text_of(html) == text


def test_heading_and_links() -> None:
    html = '<h2>Of <b>the</b>\n sea</h2><h1>Other</h1><a href="a.html#x"> One <i>1</i></a><a>x</a>'
    assert heading_of(html) == "Of the sea"
    assert links_of(html) == [("a.html#x", "One 1"), ("", "x")]
    assert heading_of("<p>none</p>") == ""
