"""The provider's side of a test: what it takes, and the mails it took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class ReceivedEmail:
    """A mail as the provider took it; `headers` is the whole message if the provider sees one."""

    recipient: str
    subject: str
    text: str
    html: str | None = None
    headers: EmailMessage = field(default_factory=EmailMessage, compare=False)

    @classmethod
    def from_bytes(cls, message: bytes, recipients: Sequence[str]) -> "ReceivedEmail":
        """Read an internet message; `recipients` are those of the envelope.

        Several recipients stand in `recipient` together, so that it equals none of them.
        """
        headers = BytesParser(EmailMessage, policy=default).parsebytes(message)
        return cls(
            recipient=", ".join(recipients),
            subject=str(headers["Subject"] or ""),
            text=_part(headers, "plain") or "",
            html=_part(headers, "html"),
            headers=headers,
        )


def _part(message: EmailMessage, subtype: str) -> str | None:
    part = message.get_body((subtype,))
    return None if part is None else str(part.get_content()).replace("\r\n", "\n")


class RecordingProvider(Protocol):
    """The provider's side of a test: a fake of it, or the real thing with its inbox open.

    `config` holds wire settings (camelCase) with which a connector reaches it. If the connector
    keeps templates there, let them print `{{code}}` and cover the required usage types.
    """

    @property
    def config(self) -> Mapping[str, object]:
        """Return settings an administrator could have saved."""

    def received(self) -> list[ReceivedEmail]:
        """Return every mail taken so far, oldest first."""
