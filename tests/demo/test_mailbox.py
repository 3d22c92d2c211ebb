"""The mailbox receives over real SMTP and forgets nothing but the oldest."""

from collections.abc import Awaitable, Callable
from email import policy
from email.message import EmailMessage
from pathlib import Path

from idp.demo.mailbox import Mailbox

Send = Callable[..., Awaitable[None]]
SOURCE = b"Subject: hello\r\n\r\nhi\r\n"


async def test_a_mail_sent_over_smtp_is_kept_as_it_came(
    mailbox: Mailbox, send: Send, code_mail: EmailMessage
) -> None:
    await send(code_mail, "alice@example.com", "bob@example.com")
    [mail] = mailbox.mails()
    assert mail.sender == "bounces@example.com"
    assert mail.recipients == ("alice@example.com", "bob@example.com")
    assert mail.subject == "428913 ist Ihr Code für Grün"
    assert mail.source == code_mail.as_bytes(policy=policy.SMTP)


async def test_an_address_outside_ascii_is_received(mailbox: Mailbox, send: Send) -> None:
    await send("Subject: Grüße\r\n\r\nhallo\r\n".encode(), "jürgen@example.com")
    [mail] = mailbox.mails()
    assert mail.recipients == ("jürgen@example.com",)
    assert mail.subject == "Grüße"


def test_the_newest_mail_comes_first(mailbox: Mailbox) -> None:
    kept = [mailbox.receive("", ["alice@example.com"], SOURCE) for _ in range(20)]
    assert mailbox.mails() == kept[::-1]


def test_mails_survive_a_restart(tmp_path: Path) -> None:
    before = Mailbox(tmp_path)
    kept = [before.receive("a@example.com", ["b@example.com"], SOURCE) for _ in range(3)]
    after = Mailbox(tmp_path)
    assert after.mails() == kept[::-1]
    assert after.receive("", ["b@example.com"], SOURCE).id > kept[-1].id


def test_a_mail_that_was_not_finished_is_not_there_after_a_restart(tmp_path: Path) -> None:
    mail = Mailbox(tmp_path).receive("", ["b@example.com"], SOURCE)
    (tmp_path / f"{mail.id}.eml").rename(tmp_path / f".{mail.id}.eml")
    assert Mailbox(tmp_path).mails() == []


def test_only_the_latest_mails_are_kept(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path, keep=3)
    kept = [mailbox.receive("", ["b@example.com"], SOURCE) for _ in range(5)]
    assert mailbox.mails() == kept[:1:-1]
    assert len(list(tmp_path.iterdir())) == 3 * 2


def test_an_emptied_mailbox_stays_empty(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    mail = mailbox.receive("", ["b@example.com"], SOURCE)
    mailbox.empty()
    assert mailbox.find(mail.id) is None
    assert list(tmp_path.iterdir()) == []
