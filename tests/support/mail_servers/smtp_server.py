"""npm's `smtp-server`, which the authors of nodemailer test nodemailer with."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from programs import find, need

from mail_servers import BUSY, PASSWORD, REFUSED, USER
from mail_servers.daemon import free_ports, own_directory, running
from mail_servers.inbox import Inbox
from mail_servers.server import MailServer

_PROGRAM = Path(__file__).parent / "node"
_REASON = "tests of a real server"
_WAYS = ("starttls", "implicit", "plain")


class SmtpServer(MailServer):
    """smtp-server with STARTTLS, with TLS from the first byte, and plain without a login."""

    ACCESS_TOKEN = "ya29.the-one-that-this-server-takes"
    LOGIN = r"^login "
    FAILED_LOGIN = r"^failed login "
    CONNECTION = r"^connection$"
    KNOCK = CONNECTION


def install_smtp_server(directory: Path) -> list[str]:
    """Install the package into a directory and return the command that runs the server."""
    node = need(find("node"), "Node.js (Debian: nodejs)", _REASON)
    npm = need(find("npm"), "npm", _REASON)
    shutil.copytree(_PROGRAM, directory, dirs_exist_ok=True)
    command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefer-offline"]
    subprocess.run(command, cwd=directory, check=True)
    return [node, str(directory / "server.js")]


@contextmanager
def running_smtp_server(
    command: list[str], certificate: Path, mechanisms: str
) -> Iterator[SmtpServer]:
    """Run it with the given SASL mechanisms."""
    with own_directory("smtp-server") as directory:
        inbox = Inbox(directory / "inbox", "X-Envelope-To")
        inbox.directory.mkdir()
        ports = dict(zip(_WAYS, free_ports(len(_WAYS)), strict=True))
        asked = {
            "ports": ports,
            "certificate": str(certificate),
            "mechanisms": mechanisms.split(),
            "user": USER,
            "password": PASSWORD,
            "accessToken": SmtpServer.ACCESS_TOKEN,
            "refused": REFUSED,
            "busy": BUSY,
        }
        with running([*command, json.dumps(asked)], directory, list(ports.values())):
            yield SmtpServer(directory, inbox, ports).started()
