"""Postfix: smtpd with TLS and the accounts of Dovecot; mails end in a Maildir, none goes on."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from programs import find, missing, need

from mail_servers import BUSY, REFUSED
from mail_servers.daemon import free_ports, own_directory, running, wait_until
from mail_servers.inbox import Inbox
from mail_servers.server import MailServer

_REASON = "tests of a real server"
_QUEUES = ("incoming", "active", "deferred")  # in the order a mail goes through them
_PLACES = (
    *_QUEUES,
    *("bounce", "corrupt", "defer", "flush", "hold"),
    *("maildrop", "private", "public", "saved", "trace"),
)
_WAYS = ("starttls", "implicit", "PLAIN", "LOGIN")
_MAIN = """
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {directory}/maillog
maillog_file_prefixes = {directory}
myhostname = mail.example.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
alias_maps =
local_recipient_maps =
notify_classes =

virtual_mailbox_domains = example.test
virtual_mailbox_base = {directory}
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:{owner.pw_uid}
virtual_gid_maps = static:{owner.pw_gid}
virtual_minimum_uid = 1
default_transport = error:no mail leaves this server
relay_transport = error:no mail leaves this server

smtpd_tls_chain_files = {certificate}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {accounts}
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions =
  check_recipient_access inline:{{
    {{ {refused} = 550 5.1.1 No such user }}, {{ {busy} = 450 4.2.1 Busy }} }}
  permit_sasl_authenticated, reject
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
"""
_MASTER = """
127.0.0.1:{starttls} inet n - n - - smtpd
127.0.0.1:{implicit} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:{PLAIN} inet n - n - - smtpd -o smtpd_sasl_mechanism_filter=plain
127.0.0.1:{LOGIN} inet n - n - - smtpd -o smtpd_sasl_mechanism_filter=login
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix(MailServer):
    """Postfix with STARTTLS, TLS from the first byte, and STARTTLS with one mechanism alone."""

    LOG = "maillog"
    LOGIN = r"smtpd\[\d+\]: \w+: client=.*sasl_method="
    FAILED_LOGIN = r"SASL [\w-]+ authentication failed"
    CONNECTION = r"smtpd\[\d+\]: connect from"
    KNOCK = r"smtpd\[\d+\]: disconnect from"

    def settle(self) -> None:
        """Wait until the queue is empty; a mail is never in none of its directories."""
        queues = [self.directory / "queue" / name for name in _QUEUES]
        wait_until(
            lambda: not any(file.is_file() for queue in queues for file in queue.rglob("*")),
            "the queue was not empty",
        )


@contextmanager
def running_postfix(accounts: Path, certificate: Path) -> Iterator[Postfix]:
    """Run it with a configuration and a queue of its own; `accounts` is a socket of Dovecot."""
    postconf = need(find("postconf"), "Postfix (Debian: postfix)", _REASON)
    if os.geteuid() != 0:
        missing("Postfix starts for root only", _REASON)
    with own_directory("postfix") as directory:
        inbox = Inbox(directory / "inbox" / "new", "X-Original-To")
        ports = dict(zip(_WAYS, free_ports(len(_WAYS)), strict=True))
        _prepare(directory)
        main = _MAIN.format(
            directory=directory,
            certificate=certificate,
            accounts=accounts,
            owner=pwd.getpwnam("nobody"),
            refused=REFUSED,
            busy=BUSY,
        )
        (directory / "main.cf").write_text(main)
        os.utime(directory / "main.cf", (0, 0))  # Postfix waits until nobody may be editing it.
        (directory / "master.cf").write_text(_MASTER.format(**ports))
        # `postfix start-fg` puts its master where no signal of ours would reach it.
        with running([_master(postconf), "-c", directory], directory, list(ports.values())):
            yield Postfix(directory, inbox, ports).started()


def _master(postconf: str) -> Path:
    command = [postconf, "-dh", "daemon_directory"]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return Path(found.stdout.strip()) / "master"


def _prepare(directory: Path) -> None:
    (directory / "queue" / "pid").mkdir(parents=True)
    for name in (*(f"queue/{place}" for place in _PLACES), "data"):
        (directory / name).mkdir(mode=0o700)
        shutil.chown(directory / name, "postfix")
    (directory / "maillog").touch()
    inbox = directory / "inbox"
    for name in (".", "new", "cur", "tmp"):
        (inbox / name).mkdir()
        shutil.chown(inbox / name, "nobody")
