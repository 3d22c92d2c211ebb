"""Tests of the derived text part."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.connector_kit.html_to_text import html_to_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("", "\n"),
        ("plain", "plain\n"),
        ("a<br>b<br/>c", "a\nb\nc\n"),
        ("<p>one</p><p>two</p>", "one\n\ntwo\n"),
        ("<p>a  \n b&nbsp;&nbsp;c</p>", "a b c\n"),
        ("<div><div><div>a</div></div></div><p>b", "a\n\nb\n"),
        ("<ul><li>x</li><li>y</li></ul>", "- x\n\n- y\n"),
        ("<b>4</b>2<i>8</i>", "428\n"),
        ("<table><tr><td>Code</td><td>428913</td></tr></table>", "Code 428913\n"),
        ("1 &lt; 2 &amp; 3", "1 < 2 & 3\n"),
        ("<a href='https://a.test/x'>Open</a>", "Open (https://a.test/x)\n"),
        ("<a href='https://a.test/x'>https://a.test/x</a>", "https://a.test/x\n"),
        ("<a href='mailto:a@x.test'>Write</a> <a>b</a></a>", "Write b\n"),
        ("<head><title>t</title></head>a", "a\n"),
        ("<html><head><title>t</title><body>a", "a\n"),
        ("<style>p{}</style>a<script>let b = '<p>'</script></style>", "a\n"),
        ("a<!-- hidden -->b<img alt=c>", "ab\n"),
    ],
)
def test_html_reads_as_text(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


@given(st.text(alphabet="<>/!-ab &;='\"#") | st.text())
def test_any_markup_gives_text(markup: str) -> None:
    assert html_to_text(markup).endswith("\n")
