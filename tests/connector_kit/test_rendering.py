"""Tests of placeholders and rendering."""

import html
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.connector_kit import EmailTemplate, PermanentFailure, RenderedEmail, render, substitute
from idp.connector_kit.html_to_text import html_to_text

PAYLOAD: dict[str, object] = {
    "code": "428913",
    "flag": True,
    "off": False,
    "none": None,
    "whole": 3.0,
    "half": 1.5,
    "list": [10, "b", None],
    "pair": ("x", "y"),
    "application": {"name": "Acme", "branding": {"color": "blue"}, "1": "one"},
    "again": "{{code}}",
}

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
templates = st.lists(
    st.text() | st.from_regex(r"\{\{ ?[\w.]+ ?\}\}") | st.sampled_from(["{{a.0}}", "{{a.b}}", "{{"])
).map("".join)


def template(**words: str) -> EmailTemplate:
    defaults = {"usageType": "SignIn", "contentType": "text/html", "subject": "s", "content": "c"}
    return EmailTemplate.parse({**defaults, **words})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Code {{code}}.", "Code 428913."),
        ("{{ code }}{{code}}", "428913428913"),
        ("{{\u00a0code\u3000}}{{\tcode\n}}{{\ufeffcode}}", "428913" * 3),
        ("{{unknown}} {{unknown.leaf}}", "{{unknown}} {{unknown.leaf}}"),
        ("{{toString}} {{__class__}}", "{{toString}} {{__class__}}"),
        ("[{{application.unknown}}{{code.leaf}}{{none}}{{none.leaf}}]", "[]"),
        ("{{application.name}} {{application.branding.color}}", "Acme blue"),
        ("{{list.0}} {{list.1}} {{pair.1}}", "10 b y"),
        ("[{{list.2}}{{list.3}}{{list.01}}{{list.-1}}]", "[{{list.-1}}]"),
        ("{{application.1}}", "one"),
        ("{{list." + "9" * 5000 + "}}", ""),
        ("{{flag}} {{off}}", "true false"),
        ("{{whole}} {{half}}", "3 1.5"),
        ("{{application}} {{list}}", "[object Object] 10,b,"),
        ("{{again}}", "{{code}}"),
        ("{{{code}}}", "{428913}"),
        ("{{.}} {{}} {{c de}} {{c-e}} {{é}}", "{{.}} {{}} {{c de}} {{c-e}} {{é}}"),
        ("{{#if code}}{{code | upper}}{{ 'a' * 9 }}", "{{#if code}}{{code | upper}}{{ 'a' * 9 }}"),
    ],
)
def test_placeholders_follow_logto(text: str, expected: str) -> None:
    assert substitute(text, PAYLOAD) == expected


@given(template_text=templates, payload=st.dictionaries(st.text(max_size=3), json_values))
def test_substitution_never_raises(template_text: str, payload: dict[str, object]) -> None:
    assert isinstance(substitute(template_text, payload), str)


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_placeholders_stays_as_it_is(text: str) -> None:
    assert substitute(text, PAYLOAD) == text


@given(st.text())
def test_a_value_is_never_expanded_again(value: str) -> None:
    assert substitute("<{{a}}{{ a }}>", {"a": value, "b": "expanded"}) == f"<{value}{value}>"


@given(st.text(alphabet="<>&\"'ab "))
def test_no_value_becomes_markup(value: str) -> None:
    rendered = render(template(content='<b title="{{a}}">{{a}}</b>'), {"a": value})
    assert rendered.html is not None
    assert re.sub(r"&(lt|gt|amp|quot|#x27);", "", rendered.html).count("<") == 2
    assert rendered.html.count('"') == 2


def test_values_are_escaped_in_html_only() -> None:
    words = {"subject": "{{a}}", "content": "<p>{{a}}</p>", "text": "{{a}}"}
    rendered = render(template(**words), {"a": "<b>&"})
    assert rendered == RenderedEmail(subject="<b>&", text="<b>&", html="<p>&lt;b&gt;&amp;</p>")


def test_plain_text_has_no_html_part() -> None:
    rendered = render(template(contentType="text/plain", content="{{a}}"), {"a": "<b>"})
    assert rendered == RenderedEmail(subject="s", text="<b>", html=None)


def test_missing_text_is_derived_from_the_html() -> None:
    assert render(template(content="<p>{{a}}</p>"), {"a": "1 < 2"}).text == "1 < 2\n"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<h1>Hi {{name}}</h1><p>{{ code }}</p>", "Hi <b> & {{code}}\n\n428913\n"),
        ("<a href='{{link}}'>Open</a>", "Open (https://a.test/?a=1&b=2)\n"),
        ("<a href='{{link}}'>{{link}}</a>", "https://a.test/?a=1&b=2\n"),
        ("<a href='https://b.test/{{code}}'>Open</a>", "Open (https://b.test/428913)\n"),
        ("<p>{{lines}}</p><style>{{code}}</style>", "one two\n"),
        ("<p>{{unknown}}</p>", "{{unknown}}\n"),
    ],
)
def test_values_stand_in_derived_text_as_they_are_but_on_one_line(content: str, text: str) -> None:
    payload = {
        "code": "428913",
        "name": "<b> & {{code}}",
        "link": "https://a.test/?a=1&b=2",
        "lines": "one\r\ntwo",
    }
    assert render(template(content=content), payload).text == text


@given(
    name=st.text(alphabet="<>&;\"'ab{}="),
    before=st.sampled_from(["<p>", "<td>", "&amp; ", "<li>"]),
)
def test_deriving_the_text_before_the_values_are_known_changes_nothing(
    name: str, before: str
) -> None:
    content = f"<h1>Dear -{{{{name}}}}-!</h1>{before}{{{{code}}}}"
    payload = {"code": "428913", "name": name}
    filled = substitute(content, payload, escape=html.escape)
    assert render(template(content=content), payload).text == html_to_text(filled)


def test_sender_and_reply_address_are_filled_too() -> None:
    words = {"sendFrom": "{{application.name}} <a@b.test>", "replyTo": "{{code}}@b.test"}
    rendered = render(template(**words), PAYLOAD)
    assert rendered.send_from == "Acme <a@b.test>"
    assert rendered.reply_to == "428913@b.test"


@pytest.mark.parametrize(
    "link",
    ["https://a.test/x?y#z", "http://localhost:8000/", "http://127.0.0.1/x", "http://[::1]:8/x"],
)
def test_an_https_or_loopback_link_is_used(link: str) -> None:
    assert (
        render(template(content="{{link}}", contentType="text/plain"), {"link": link}).text == link
    )


@pytest.mark.parametrize(
    "link",
    [
        "http://a.test",
        "http://localhost.a.test",
        "http://127.0.0.1@a.test",
        "http://10.0.0.1/",
        "javascript:alert(1)",
        "//a.test",
        "https:",
        "https:///x",
        "http://[x",
        "https://a.test/\r\nx",
        " https://a.test",
        "",
        5,
    ],
)
def test_any_other_link_is_refused(link: object) -> None:
    with pytest.raises(PermanentFailure) as failure:
        render(template(), {"link": link})
    assert failure.value.reason == "unsafe_link"


def test_a_mail_without_a_link_needs_none() -> None:
    assert render(template(), {"link": None}) == render(template(), {})
