"""DKIM signatures, judged by dkimpy."""

from base64 import b64encode
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from idp_smtp_email.dkim import DkimKey, Signer

from idp.connector_kit import (
    EmailRequest,
    EmailTemplate,
    InvalidConfig,
    Mailbox,
    UsageType,
    build_mime,
    render,
)
from idp.connector_kit.shipped_templates import shipped_locales, shipped_templates

RSA = rsa.generate_private_key(65537, 2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()
DNS = {
    b"rsa._domainkey.example.test.": b"v=DKIM1; p="
    + b"".join(
        RSA.public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .splitlines()[1:-1]
    ),
    b"ed._domainkey.example.test.": b"v=DKIM1; k=ed25519; p="
    + b64encode(ED25519.public_key().public_bytes_raw()),
}


def pem(key: Any, passphrase: bytes | None = None) -> str:
    protection = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    encoded: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)
    return encoded.decode()


def dkim_key(selector: str, key: Any, **changes: str) -> DkimKey:
    wire = {"domainName": "example.test", "keySelector": selector, "privateKey": pem(key)}
    return DkimKey.parse({**wire, **changes})


KEYS = [dkim_key("rsa", RSA), dkim_key("ed", ED25519)]
SIGNER = Signer(KEYS)


def valid(message: bytes, index: int = 0) -> bool:
    verifier = dkim.DKIM(message)
    try:
        return bool(verifier.verify(index, dnsfunc=lambda name, timeout=5: DNS[name]))
    except dkim.ValidationError:
        return False


def code_mail(template: EmailTemplate, locale: str = "en") -> bytes:
    payload = {"code": "428913", "issuer": "https://idp.example.test", "link": "https://a.test/x"}
    request = EmailRequest(
        to="reader@example.org", usage_type=UsageType.SIGN_IN, payload=payload, locale=locale
    )
    rendered = render(template, {**payload, "application": {"name": "Zoë & Söhne"}})
    return build_mime(
        rendered,
        request,
        sender=Mailbox("idp@example.test", "Zoë"),
        reply_to=Mailbox("help@example.test"),
    )


@pytest.fixture
def message() -> bytes:
    return code_mail(shipped_templates("en")[0])


@pytest.mark.parametrize("locale", shipped_locales())
def test_every_shipped_template_bears_valid_signatures(locale: str) -> None:
    for template in shipped_templates(locale):
        signed = SIGNER.sign(code_mail(template, locale))
        assert valid(signed, 0)
        assert valid(signed, 1)


@pytest.mark.parametrize("key", KEYS, ids=["rsa", "ed25519"])
def test_one_key_makes_one_signature(message: bytes, key: DkimKey) -> None:
    signed = Signer([key]).sign(message)
    assert valid(signed)
    assert signed.count(b"DKIM-Signature:") == 1
    assert signed.endswith(message)


def test_without_a_key_a_message_stays_as_it_is(message: bytes) -> None:
    assert Signer([]).sign(message) == message


def test_the_signature_covers_the_headers_people_see(message: bytes) -> None:
    verifier = dkim.DKIM(Signer(KEYS[:1]).sign(message))
    verifier.verify(dnsfunc=lambda name, timeout=5: DNS[name])
    covered = [name.decode() for name, _ in verifier.signed_headers]
    assert {"from", "to", "reply-to", "subject", "date", "message-id"} <= set(covered)
    assert {"mime-version", "content-type", "content-language"} <= set(covered)
    assert {"auto-submitted", "otp-token"} <= set(covered)


def test_the_signature_is_folded(message: bytes) -> None:
    head = SIGNER.sign(message)[: -len(message)]
    assert max(map(len, head.split(b"\r\n"))) <= 78
    assert [line[:1] for line in head.split(b"\r\n")].count(b"D") == 2


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"428913", b"428914"),
        (b"Subject: ", b"Subject: x"),
        (b"reader@", b"other@"),
        (b"</html>", b"</html>."),
        (b'origin="https://idp', b'origin="https://evil'),
        (b"\r\nMIME-Version", b"\r\nFrom: evil@example.org\r\nMIME-Version"),
    ],
)
@pytest.mark.parametrize("index", [0, 1])
def test_a_changed_mail_is_noticed(message: bytes, old: bytes, new: bytes, index: int) -> None:
    signed = SIGNER.sign(message)
    assert old in signed
    assert not valid(signed.replace(old, new), index)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: ", b"SUBJECT:   "),
        (b"</html>", b"</html> \t"),
        (b"; boundary", b";\r\n\tboundary"),
    ],
)
def test_what_relays_do_to_blanks_does_no_harm(message: bytes, old: bytes, new: bytes) -> None:
    signed = SIGNER.sign(message)
    assert old in signed
    assert valid(signed.replace(old, new, 1) + b"\r\n\r\n")


lines = st.text(alphabet=" \t.a=\u00fc", max_size=6) | st.sampled_from(["", ".", "..", " ", "a\t "])
# Every message ends with CRLF on the wire (RFC 5321 §4.1.1.4).
bodies = st.lists(lines, max_size=8).map(lambda each: "".join(f"{line}\r\n" for line in each))


@given(body=bodies, value=st.text(alphabet=" \tab:;=\u00fc", max_size=20))
def test_any_body_and_header_can_be_signed(body: str, value: str) -> None:
    head = f"From: a@example.test\r\nSubject: {value}\r\n\tb \r\nSubject:c\r\n\r\n"
    signed = SIGNER.sign((head + body).encode())
    assert valid(signed, 0)
    assert valid(signed, 1)
    assert not valid(signed + b"x", 1)


async def test_a_sent_mail_is_signed_with_all_keys(
    mail_server: Any, connect: Any, request_for: Any
) -> None:
    keys = [
        {"domainName": "example.test", "keySelector": selector, "privateKey": pem(key)}
        for selector, key in (("rsa", RSA), ("ed", ED25519))
    ]
    async with mail_server() as server:
        words = {"subject": "s", "content": "<p>\n.\n..\t \n\n", "text": ".\n..{{code}} \n\n\n"}
        template = EmailTemplate.parse({"usageType": "SignIn", **words})
        await connect(server.port, dkim=keys).send(request_for(custom_template=template))
    [envelope] = server.envelopes
    assert valid(envelope.content, 0)
    assert valid(envelope.content, 1)


WEAK = rsa.generate_private_key(65537, 1024)
CURVE = ec.generate_private_key(ec.SECP256R1())


def test_an_rsa_key_of_1024_bits_is_taken() -> None:
    assert dkim_key("s", WEAK).key_selector == "s"


@pytest.mark.parametrize(
    ("changes", "key", "problem"),
    [
        ({"privateKey": "dkim.pem"}, "privateKey", "not a path"),
        ({"privateKey": pem(CURVE)}, "privateKey", "RSA key of 1024 bits or more"),
        ({"privateKey": pem(RSA, b"hush")}, "privateKey", "protected by a passphrase"),
        ({"privateKey": pem(RSA).replace("M", "", 1)}, "privateKey", "copied whole"),
        ({"domainName": "example.test; b=x"}, "domainName", "name in the DNS"),
        ({"domainName": "a..test"}, "domainName", "name in the DNS"),
        ({"domainName": ""}, "domainName", "name in the DNS"),
        ({"domainName": "\u00fc..test"}, "domainName", "name in the DNS"),
        ({"keySelector": "s\r\nBcc: a@b.test"}, "keySelector", "name in the DNS"),
    ],
)
def test_a_wrong_key_is_refused(changes: dict[str, str], key: str, problem: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        dkim_key("s", RSA, **changes)
    assert problem in caught.value.problems[key]
    assert pem(RSA)[60:120] not in repr(caught.value)


def test_an_internationalized_domain_signs_as_its_a_label() -> None:
    assert dkim_key("s", RSA, domainName="b\u00fccher.test").domain_name == "xn--bcher-kva.test"
