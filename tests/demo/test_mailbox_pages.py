"""The mailbox as pages and as JSON."""

from datetime import timedelta
from email.message import EmailMessage

import httpx2
import pytest
from sqlmodel import Session

from idp.demo.mailbox import Mailbox
from idp.storage import Database
from idp.storage.tables import Message, now


@pytest.fixture
def mail_id(mailbox: Mailbox, code_mail: EmailMessage) -> str:
    return mailbox.receive("b@example.com", ["alice@example.com"], code_mail.as_bytes()).id


async def test_json_holds_all_there_is_to_know(
    browser: httpx2.AsyncClient, mail_id: str, code_mail: EmailMessage
) -> None:
    [mail] = (await browser.get("/dev/mail/messages.json")).json()
    assert mail.pop("received_at").endswith("+00:00")
    assert mail.pop("headers")["Message-ID"] == "<019ab3f0@example.com>"
    assert mail == {
        "id": mail_id,
        "to": "alice@example.com",
        "from": "Demo <no-reply@example.com>",
        "subject": "428913 ist Ihr Code für Grün",
        "text": "Ihr Code:\n\n    428913\n\n@localhost:8000 #428913\n",
        "html": "<p>Ihr Code: <b>428913</b></p>\n",
        "usage_type": None,
        "verification_code": "428913",
        "raw": code_mail.as_string(),
    }


async def test_json_names_the_usage_type_of_a_promised_mail(
    browser: httpx2.AsyncClient, mail_id: str, database: Database
) -> None:
    await database.run(promise, "019ab3f0")
    [mail] = (await browser.get("/dev/mail/messages.json")).json()
    assert mail["usage_type"] == "SignIn"
    assert "SignIn" in (await browser.get(f"/dev/mail/messages/{mail_id}")).text


def promise(session: Session, message_id: str) -> None:
    deadline = now() + timedelta(minutes=10)
    session.add(
        Message(
            id=message_id,
            usage_type="SignIn",
            recipient="sealed",
            recipient_hash="hash",
            locale="en",
            due_at=now(),
            deadline=deadline,
        )
    )


async def test_json_lists_the_mails_to_one_address_newest_first(
    browser: httpx2.AsyncClient, mailbox: Mailbox
) -> None:
    for recipient in ("alice@example.com", "bob@example.com", "Alice@Example.com"):
        mailbox.receive("", [recipient], b"\r\n")
    mails = (
        await browser.get("/dev/mail/messages.json", params={"to": "ALICE@example.com"})
    ).json()
    assert [mail["to"] for mail in mails] == ["Alice@Example.com", "alice@example.com"]


async def test_a_repeated_header_is_a_list(browser: httpx2.AsyncClient, mailbox: Mailbox) -> None:
    mailbox.receive("", ["a@example.com"], b"Received: one\r\nReceived: two\r\nX: y\r\n\r\n")
    [mail] = (await browser.get("/dev/mail/messages.json")).json()
    assert mail["headers"] == {"Received": ["one", "two"], "X": "y"}


@pytest.mark.usefixtures("mail_id")
async def test_delete_empties_the_mailbox(browser: httpx2.AsyncClient) -> None:
    assert (await browser.delete("/dev/mail/messages.json")).status_code == 204
    assert (await browser.get("/dev/mail/messages.json")).json() == []


async def test_the_list_leads_to_a_page_with_the_code(
    browser: httpx2.AsyncClient, mail_id: str
) -> None:
    listing = await browser.get("/dev/mail")
    assert f'href="/dev/mail/messages/{mail_id}"' in listing.text
    page = await browser.get(f"/dev/mail/messages/{mail_id}")
    assert 'id="verification-code">428913<' in page.text


async def test_an_empty_mailbox_says_so(browser: httpx2.AsyncClient) -> None:
    assert "No mail yet" in (await browser.get("/dev/mail")).text


async def test_pages_allow_nothing_inline(browser: httpx2.AsyncClient, mail_id: str) -> None:
    for path in ("/dev/mail", f"/dev/mail/messages/{mail_id}"):
        page = await browser.get(path)
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe-inline" not in policy
        assert "<style" not in page.text
        assert " style=" not in page.text


async def test_the_html_of_a_mail_is_shown_in_a_sandbox(
    browser: httpx2.AsyncClient, mail_id: str
) -> None:
    assert '<iframe sandbox=""' in (await browser.get(f"/dev/mail/messages/{mail_id}")).text
    answer = await browser.get(f"/dev/mail/messages/{mail_id}/html")
    assert answer.text == "<p>Ihr Code: <b>428913</b></p>\n"
    assert answer.headers["content-security-policy"] == (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    )


async def test_what_a_mail_says_is_never_markup_of_the_page(
    browser: httpx2.AsyncClient, mailbox: Mailbox
) -> None:
    mail = mailbox.receive("", ["a@example.com"], b"Subject: <script>1\r\n\r\n</pre><script>2")
    for path in ("/dev/mail", f"/dev/mail/messages/{mail.id}"):
        assert "<script>" not in (await browser.get(path)).text


async def test_the_source_is_plain_text(browser: httpx2.AsyncClient, mail_id: str) -> None:
    answer = await browser.get(f"/dev/mail/messages/{mail_id}/source")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "Message-ID: <019ab3f0@example.com>" in answer.text


async def test_a_mail_that_is_gone_is_not_found(browser: httpx2.AsyncClient) -> None:
    assert (await browser.get("/dev/mail/messages/1")).status_code == 404
