"""The same mail built by the kit, by the stdlib and by nodemailer reads the same."""

import json
import random
import shutil
import subprocess
from base64 import b64decode
from email import message_from_bytes
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, compat32, default
from email.utils import parseaddr
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from programs import need

from idp.connector_kit import (
    EmailRequest,
    Mailbox,
    RenderedEmail,
    UsageType,
    build_mime,
    render,
)
from idp.connector_kit.shipped_templates import shipped_locales, shipped_templates

NODE_PROGRAM = Path(__file__).parent / "node"
OTP = {"code": "428913", "origin": "https://idp.example.test"}
OTP_LINE = "\n\n@idp.example.test #428913\n"
Reading = dict[str, str]

printable = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Cn", "Co"])
words = st.text(printable | st.sampled_from(' éü漢字😀,<>"\\@=?'), max_size=120).map(
    lambda text: " ".join(text.split())
)
texts = st.text(printable | st.sampled_from("\n\r.= \té漢"), min_size=1, max_size=400) | st.just(
    "x" * 1200
)


def ours(name: str, subject: str, text: str, markup: str | None) -> bytes:
    request = EmailRequest(
        to="reader@exämple.test",
        usage_type=UsageType.SIGN_IN,
        payload={"code": OTP["code"], "issuer": OTP["origin"]},
        locale="pt-BR",
        message_id="0f6c",
    )
    rendered = RenderedEmail(subject=subject, text=text, html=markup)
    return build_mime(
        rendered,
        request,
        sender=Mailbox("idp@example.test", name),
        reply_to=Mailbox("help@example.test", name),
        headers={"X-Words": subject},
    )


def of_the_stdlib(name: str, subject: str, text: str, markup: str | None) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(name, addr_spec="idp@example.test")
    message["Reply-To"] = Address(name, addr_spec="help@example.test")
    message["To"] = "reader@xn--exmple-cua.test"
    message["Subject"] = message["X-Words"] = subject
    message["Message-ID"] = "<0f6c@example.test>"
    message.set_content(text)
    if markup is not None:
        message.add_alternative(markup, subtype="html")
    return message.as_bytes()


def reading(raw: bytes) -> Reading:
    """Tell what a program that knows the RFCs shows of a message."""
    message = message_from_bytes(raw, _class=EmailMessage, policy=default)
    names = ("To", "Subject", "X-Words", "Message-ID", "MIME-Version")
    shown = {name: str(message[name]) for name in names}
    # Some versions of the `default` policy put a blank between the encoded words of a name.
    plain = message_from_bytes(raw, policy=compat32)
    for header in ("From", "Reply-To"):
        name, address = parseaddr(" ".join(str(plain[header]).split()))
        shown[header] = f"{make_header(decode_header(name))} <{address}>"
    for part in message.walk():
        if not part.is_multipart():
            kind = f"{part.get_content_type()} {part.get_content_charset()}"
            lines = str(part.get_content()).replace("\r\n", "\n").replace("\r", "\n")
            shown[kind] = lines.rstrip("\n")
    shown["parts"] = " ".join(part.get_content_type() for part in message.walk())
    return shown


@given(name=words, subject=words, text=texts, markup=st.none() | texts)
def test_the_stdlib_builds_the_same(name: str, subject: str, text: str, markup: str | None) -> None:
    theirs = reading(of_the_stdlib(name, subject, text.rstrip() + OTP_LINE, markup))
    # Some versions of the stdlib lose blanks where they fold, and read encoded words in values.
    assume(theirs["Subject"] == theirs["X-Words"] == subject)
    assume(theirs["From"] == f"{name} <idp@example.test>")
    assume(theirs["Reply-To"] == f"{name} <help@example.test>")
    assert reading(ours(name, subject, text, markup)) == theirs


@given(name=words, subject=words, text=texts)
def test_what_was_written_is_what_is_read(name: str, subject: str, text: str) -> None:
    shown = reading(ours(name, subject, text, None))
    assert shown["Subject"] == shown["X-Words"] == subject
    assert shown["From"] == f"{name} <idp@example.test>"
    assert shown["Reply-To"] == f"{name} <help@example.test>"
    written = text.replace("\r\n", "\n").replace("\r", "\n").rstrip()
    assert shown["text/plain utf-8"] == (written + OTP_LINE).rstrip("\n")


@pytest.fixture(scope="session")
def nodemailer(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the command of a Node.js program that composes mails with nodemailer."""
    node = need(shutil.which("node"), "node", "the messages of nodemailer")
    npm = need(shutil.which("npm"), "npm", "the messages of nodemailer")
    directory = tmp_path_factory.mktemp("node")
    for name in ("package.json", "compose.js"):
        shutil.copy(NODE_PROGRAM / name, directory)
    subprocess.run([npm, "install", "--silent", "--no-audit"], cwd=directory, check=True)
    return [node, str(directory / "compose.js")]


def many_mails() -> list[tuple[str, str, str, str | None]]:
    """Mix every shipped mail with random ones that are hard to encode."""
    payload = {**OTP, "application": {"name": "Café 漢字"}, "issuerHost": "idp.example.test"}
    shipped = [
        render(template, payload)
        for tag in shipped_locales()
        for template in shipped_templates(tag)
    ]
    mails = [("Zoë", each.subject, each.text, each.html) for each in shipped]
    chance = random.Random(7)
    for _ in range(200):
        name, subject, text, markup = (
            " ".join("".join(chance.choices('ab é漢😀,.=?"\\@-', k=length)).split())
            for length in (chance.randrange(1, 40), chance.randrange(1, 160), 300, 1500)
        )
        mails.append((name, subject, text, chance.choice([None, markup.replace("a", "\n")])))
    return mails


@pytest.mark.node
def test_nodemailer_builds_the_same(nodemailer: list[str]) -> None:
    mails = many_mails()
    asked = [
        {
            "from": {"name": name, "address": "idp@example.test"},
            "replyTo": {"name": name, "address": "help@example.test"},
            "to": "reader@exämple.test",
            "messageId": "<0f6c@example.test>",
            "subject": subject,
            "headers": {"X-Words": subject},
            "text": text.rstrip() + ("" if OTP_LINE.strip() in text else OTP_LINE),
            "html": markup,
        }
        for name, subject, text, markup in mails
    ]
    done = subprocess.run(nodemailer, input=json.dumps(asked), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    theirs = [reading(b64decode(message)) for message in json.loads(done.stdout)]
    for mail, expected in zip(mails, theirs, strict=True):
        assert reading(ours(*mail)) == expected
