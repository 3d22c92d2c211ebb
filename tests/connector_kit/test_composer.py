"""A mail filled into a form is the mail that would have been composed from the start."""

import re
from collections.abc import Mapping
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.connector_kit import (
    Composer,
    EmailRequest,
    EmailTemplate,
    Mailbox,
    PermanentFailure,
    UsageType,
    build_mime,
    render,
)
from idp.connector_kit.shipped_templates import shipped_locales, shipped_templates

SENDER = Mailbox("idp@example.test", "Exämple")
HEADERS = {"X-Campaign": "codes"}
USUAL: Mapping[str, object] = {
    "code": "428913",
    "issuer": "https://idp.example.test",
    "issuerHost": "idp.example.test",
    "expiresInDays": 7,
    "expiresInMinutes": 10,
    "application": {"name": "Acme"},
}

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=90)
names = (
    st.sampled_from(["Acme", "Größe & Söhne", "東京", "a" * 70, "{{code}}", "428913", ""])
    | anything
)
digits = st.text("0123456789", min_size=4, max_size=10)
codes = digits | st.sampled_from(["abcdef", "12 34", "४२८९१३", ""])
addresses = st.sampled_from(
    ["a@b.example", f"{'x' * 60}@example.test", "jürgen@example.test", "o'neil@exämple.test"]
)
ids = st.sampled_from(["0f6c", "a.b-c", "x" * 70])


@st.composite
def requests(draw: st.DrawFn) -> EmailRequest:
    payload = {**USUAL, "code": draw(codes), "application": {"name": draw(names)}}
    return EmailRequest(
        to=draw(addresses),
        usage_type=UsageType.SIGN_IN,
        payload=payload,
        locale=draw(st.sampled_from(["en", "de"])),
        message_id=draw(ids),
    )


def request_for(code: str = "428913", **changes: object) -> EmailRequest:
    payload = {**USUAL, "code": code, **changes}
    return EmailRequest(
        to="a@b.example", usage_type=UsageType.SIGN_IN, payload=payload, message_id="0f6c"
    )


def sign_in(locale: str) -> EmailTemplate:
    return next(each for each in shipped_templates(locale) if each.usage_type == "SignIn")


def worded(**keys: str) -> EmailTemplate:
    return EmailTemplate.parse({"usageType": "SignIn", "subject": "x", "content": "x", **keys})


def comparable(message: bytes) -> bytes:
    """Take out what differs between any two mails: the second, the boundary."""
    boundary = re.search(rb'boundary="([^"]+)"', message)
    if boundary is not None:
        message = message.replace(boundary[1], b"BOUNDARY")
    return re.sub(rb"\r\nDate: [^\r]+", b"", message)


def from_the_start(template: EmailTemplate, request: EmailRequest) -> bytes:
    return build_mime(render(template, request.payload), request, sender=SENDER, headers=HEADERS)


def boundary_of(message: bytes) -> str | None:
    return message_from_bytes(message, policy=default).get_boundary()


@pytest.mark.parametrize("locale", ["en", "de", "ja"])
@given(mails=st.lists(requests(), min_size=3, max_size=6))
@settings(max_examples=60, deadline=None)
def test_mail_after_mail_is_as_if_composed_from_the_start(
    locale: str, mails: list[EmailRequest]
) -> None:
    composer, template = Composer(SENDER, headers=HEADERS), sign_in(locale)
    for request in mails * 3:
        try:
            expected = comparable(from_the_start(template, request))
        except PermanentFailure as refusal:
            with pytest.raises(PermanentFailure, match=str(refusal)):
                composer.compose(template, request)
        else:
            assert comparable(composer.compose(template, request).message) == expected


@pytest.mark.parametrize("locale", shipped_locales())
def test_every_shipped_mail_is_as_if_composed_from_the_start(locale: str) -> None:
    composer = Composer(SENDER, headers=HEADERS)
    for template in shipped_templates(locale):
        for code in ("000000", "987654", "123456"):
            request = request_for(code)
            filled = composer.compose(template, request).message
            assert comparable(filled) == comparable(from_the_start(template, request))


@pytest.mark.parametrize(("locale", "has_form"), [("en", True), ("de", True), ("ja", False)])
def test_a_form_is_used_where_the_code_stands_in_it_as_it_is(locale: str, has_form: bool) -> None:
    composer, template = Composer(SENDER), sign_in(locale)
    mails = [composer.compose(template, request_for(code * 6)) for code in "123"]
    first, second = mails[1:]
    assert (boundary_of(first.message) == boundary_of(second.message)) is has_form


def test_a_value_that_looks_like_a_code_stays_what_it_is() -> None:
    composer, template = Composer(SENDER, headers=HEADERS), sign_in("en")
    for code in ("428913", "111111", "428913"):
        request = request_for(code, application={"name": "428913 Ltd"})
        filled = composer.compose(template, request).message
        assert comparable(filled) == comparable(from_the_start(template, request))


def test_another_wording_is_not_filled_into_the_form_of_the_first() -> None:
    composer = Composer(SENDER)
    for word in ("one", "two"):
        template = worded(subject=word, content="{{ code }}")
        assert f"Subject: {word}\r\n".encode() in composer.compose(template, request_for()).message


def test_the_sender_of_the_template_wins() -> None:
    template = worded(sendFrom="{{ application.name }} <x@y.example>")
    composer = Composer(SENDER, reply_to="help@example.test")
    for name in ("Acme", "Other"):
        mail = composer.compose(template, request_for(application={"name": name}))
        assert mail.sender == Mailbox("x@y.example", name)
        assert mail.reply_to == Mailbox("help@example.test")


def test_a_sender_that_is_none_fails_for_good() -> None:
    template = worded(sendFrom="nobody")
    with pytest.raises(PermanentFailure, match="sendFrom"):
        Composer(SENDER).compose(template, request_for())


@pytest.mark.parametrize("to", ["a@b.example,c@d.example", "a@b@c.example", "a\r\n@b.example"])
def test_more_than_one_recipient_is_refused_with_a_form_at_hand(to: str) -> None:
    composer, template = Composer(SENDER), sign_in("en")
    composer.compose(template, request_for())
    request = EmailRequest(to=to, usage_type=UsageType.SIGN_IN, payload=USUAL)
    with pytest.raises(PermanentFailure, match="exactly one"):
        composer.compose(template, request)


def test_the_forms_of_ever_new_names_do_not_pile_up() -> None:
    composer, template = Composer(SENDER), sign_in("en")

    def boundary(number: int) -> str | None:
        request = request_for(application={"name": f"Shop {number}"})
        return boundary_of(composer.compose(template, request).message)

    boundary(0)
    first = boundary(0)
    assert boundary(0) == first
    for number in range(300):
        boundary(number)
        boundary(number)
    assert boundary(0) != first
