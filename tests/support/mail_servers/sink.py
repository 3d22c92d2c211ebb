"""Postfix's `smtp-sink`: takes everything, or refuses what it is told to refuse."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from programs import find, need

from mail_servers.daemon import free_ports, own_directory, running
from mail_servers.inbox import Inbox
from mail_servers.server import MailServer


class Sink(MailServer):
    """smtp-sink, with a file for each mail."""


@contextmanager
def running_sink(*faults: str) -> Iterator[Sink]:
    """Run it; `faults` are options such as `-f RCPT` (refuse) or `-q DATA` (hang up)."""
    program = need(find("smtp-sink"), "smtp-sink (Debian: postfix)", "tests of a real server")
    with own_directory("sink") as directory:
        inbox = Inbox(directory / "inbox", "X-Rcpt-Args")
        inbox.directory.mkdir()
        account = []
        if os.geteuid() == 0:  # It insists on being somebody else then.
            account = ["-u", "nobody"]
            shutil.chown(inbox.directory, "nobody")
        [port] = free_ports(1)
        command = [program, "-4a", *account, *faults, "-d", "inbox/%s.", f"127.0.0.1:{port}", "512"]
        with running(command, directory, [port]):
            yield Sink(directory, inbox, {"plain": port})
