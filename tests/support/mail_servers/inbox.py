"""What arrived at a server: mails that it wrote to files."""

from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from email.policy import SMTP
from pathlib import Path

from idp.connector_kit.testing import ReceivedEmail


@dataclass
class Inbox:
    """A directory of files, one per mail, each with the envelope's recipient in a header on top."""

    directory: Path
    recipient_header: str
    _mails: dict[Path, ReceivedEmail] = field(default_factory=dict)

    def empty(self) -> None:
        for file in self.directory.iterdir():
            file.unlink()
        self._mails.clear()

    def received(self) -> list[ReceivedEmail]:
        """Return all mails since the directory was last emptied, oldest first."""
        new = [file for file in self.directory.iterdir() if file not in self._mails]
        for file in sorted(new, key=lambda file: file.stat().st_mtime_ns):
            self._mails[file] = self._read(file)
        return list(self._mails.values())

    def _read(self, file: Path) -> ReceivedEmail:
        message = file.read_bytes()
        headers = BytesHeaderParser(policy=SMTP).parsebytes(message)
        recipients = [str(each).strip("<>") for each in headers.get_all(self.recipient_header, [])]
        return ReceivedEmail.from_bytes(message, recipients)
