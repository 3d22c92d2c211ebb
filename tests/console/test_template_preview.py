"""The preview shows what is typed, and is a document that can do nothing."""

from typing import Any

import pytest
from administrator import Administrator

from idp.administration.template_preview import in_scheme

PREVIEW = "/console/templates/de/Register/preview"
HOSTILE = "<script>alert(1)</script><p onclick='x()'>{{code}}</p>"


def preview(administrator: Administrator, **typed: str) -> Any:
    known = {"subject": "Hallo {{code}}", "contentType": "text/html", "content": "<p>{{code}}</p>"}
    return administrator.person.client.post(PREVIEW, data=known | typed)


def test_the_preview_is_a_sandbox_in_which_nothing_runs(administrator: Administrator) -> None:
    page = preview(administrator, content=HOSTILE)
    policy = page.headers["Content-Security-Policy"].split("; ")
    assert {"sandbox", "default-src 'none'", "frame-ancestors 'self'"} <= set(policy)
    assert not any(each.startswith("script-src") for each in policy)
    assert "<script>" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text
    assert '<iframe sandbox title="The mail"' in page.text


def test_the_editor_lets_in_that_frame_alone(administrator: Administrator) -> None:
    page = administrator.person.open("/console/templates/de/Register")
    policy = page.headers["Content-Security-Policy"]
    assert policy.endswith("; frame-src 'self'")
    assert "trusted-types 'none'" in policy
    assert '<iframe sandbox title="Preview with sample values"' in page.text
    assert (
        "frame-src" not in administrator.person.open("/console").headers["Content-Security-Policy"]
    )


def test_the_preview_of_an_unsaved_text_has_sample_values(administrator: Administrator) -> None:
    page = preview(administrator, replyTo="hilfe@example.test").text
    assert "<h1>Hallo 482913</h1>" in page
    assert "&lt;p&gt;482913&lt;/p&gt;" in page
    assert "Reply-To: hilfe@example.test" in page


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        ("text", '<pre tabindex="0">482913\n</pre>'),
        ("source", '<pre tabindex="0">&lt;p&gt;482913&lt;/p&gt;</pre>'),
        ("phone", 'class="phone"'),
        ("dark", "color-scheme: dark"),
        ("upside down", 'class="desktop"'),
    ],
)
def test_a_mail_is_read_in_several_ways(
    administrator: Administrator, view: str, shown: str
) -> None:
    assert shown in preview(administrator, view=view).text


def test_a_mail_in_plain_text_is_shown_as_such(administrator: Administrator) -> None:
    page = preview(administrator, contentType="text/plain", content="<b> {{code}}").text
    assert '<pre tabindex="0">&lt;b&gt; 482913</pre>' in page


@pytest.mark.parametrize("typed", [{"content": "<a " * 9000}, {"contentType": "text/markdown"}])
def test_what_cannot_be_shown_is_explained(
    administrator: Administrator, typed: dict[str, str]
) -> None:
    page = preview(administrator, **typed)
    assert page.status_code == 200
    assert 'class="problem"' in page.text


def test_the_frame_begins_with_what_the_editor_begins_with(administrator: Administrator) -> None:
    assert "482913 ist Ihr Code" in administrator.person.open(PREVIEW).text
    now = administrator.person.open(f"{PREVIEW}?from=now").text
    assert "482913 is your Sample Application code" in now


def test_a_stranger_sees_no_preview(administrator: Administrator) -> None:
    stranger = administrator.site.person().client
    answer = stranger.post(PREVIEW, data={"content": "x"}, follow_redirects=False)
    assert answer.headers["location"].startswith("/console/sign-in")


@pytest.mark.parametrize(
    ("scheme", "dark", "light"),
    [("dark", "min-width: 0", "max-width: 0"), ("light", "max-width: 0", "min-width: 0")],
)
def test_the_device_of_the_reader_is_simulated(scheme: str, dark: str, light: str) -> None:
    markup = (
        '<meta name="color-scheme" content="light dark"><style>:root { color-scheme: light dark; }'
        "@media (prefers-color-scheme: dark) {} @media (prefers-color-scheme:light) {}</style>"
    )
    assert in_scheme(markup, scheme) == (
        f'<meta name="color-scheme" content="{scheme}"><style>:root {{ color-scheme:{scheme}; }}'
        f"@media ({dark}) {{}} @media ({light}) {{}}</style>"
    )
