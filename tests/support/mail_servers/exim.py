"""Exim: every password mechanism of its own, CHUNKING and SMTPUTF8; mails end in a Maildir."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from programs import find, missing, need

from mail_servers import BUSY, PASSWORD, REFUSED, USER
from mail_servers.daemon import free_ports, own_directory, running, wait_until
from mail_servers.inbox import Inbox
from mail_servers.server import MailServer

_REASON = "tests of a real server"
_WRITTEN = ("spool", "logs", "inbox", "inbox/new", "inbox/cur", "inbox/tmp")
_CONFIG = r"""
exim_path = {program}
primary_hostname = mail.example.test
spool_directory = {directory}/spool
log_file_path = {directory}/logs/%s
pid_file_path = {directory}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {starttls} : {implicit}
tls_on_connect_ports = {implicit}
tls_advertise_hosts = *
tls_certificate = {certificate}
auth_advertise_hosts = ${{if def:tls_in_cipher{{*}}}}
pipelining_advertise_hosts = *
chunking_advertise_hosts = *
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
host_lookup =
keep_environment =
smtp_accept_max = 100
smtp_accept_queue_per_connection = 0
log_selector = +smtp_connection
acl_smtp_rcpt = recipient
no_message_logs
deliver_drop_privilege

begin acl
recipient:
  deny !authenticated = *
  deny condition = ${{if eq{{$local_part@$domain}}{{{refused}}}}}
       message = 5.1.1 No such user
  defer condition = ${{if eq{{$local_part@$domain}}{{{busy}}}}}
       message = 4.2.1 Busy
  accept

begin routers
everybody:
  driver = accept
  transport = inbox

begin transports
inbox:
  driver = appendfile
  directory = {directory}/inbox
  maildir_format
  envelope_to_add

begin authenticators
"""
_AUTHENTICATORS = {
    "PLAIN": r"""
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
""",
    "LOGIN": r"""
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{{user}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
""",
    "CRAM-MD5": r"""
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{{user}}}{{{password}}}fail}}
  server_set_id = $auth1
""",
}


class Exim(MailServer):
    """Exim with STARTTLS on one port and TLS from the first byte on the other."""

    LOG = "logs/main"
    LOGIN = r" <= .* A=\w+:"
    FAILED_LOGIN = r"\w+ authenticator failed for"
    CONNECTION = r"SMTP connection from .* \(TCP/IP connection count"
    KNOCK = CONNECTION

    def settle(self) -> None:
        """Wait until the spool is empty: a mail stays there until it is delivered."""
        spool = self.directory / "spool" / "input"
        wait_until(lambda: not any(spool.glob("*-[DH]")), "the spool was not empty")


@contextmanager
def running_exim(certificate: Path, mechanisms: str) -> Iterator[Exim]:
    """Run it with the given SASL mechanisms; its configuration and its spool are its own."""
    program = need(find("exim4"), "Exim (Debian: exim4-daemon-light)", _REASON)
    if os.geteuid() != 0:
        missing("Exim reads a configuration of ours for root only", _REASON)
    with own_directory("exim") as directory:
        for name in _WRITTEN:
            (directory / name).mkdir()
            (directory / name).chmod(0o777)  # Exim changes its user from time to time.
        (directory / Exim.LOG).touch()
        (directory / Exim.LOG).chmod(0o666)
        starttls, implicit = free_ports(2)
        authenticators = (_AUTHENTICATORS[mechanism] for mechanism in mechanisms.split())
        config = "".join([_CONFIG, *authenticators]).format(
            program=program,
            directory=directory,
            certificate=certificate,
            starttls=starttls,
            implicit=implicit,
            user=USER,
            password=PASSWORD,
            refused=REFUSED,
            busy=BUSY,
        )
        (directory / "exim.conf").write_text(config)
        inbox = Inbox(directory / "inbox" / "new", "Envelope-to")
        command = [program, "-bdf", "-C", str(directory / "exim.conf")]
        with running(command, directory, [starttls, implicit]):
            ports = {"starttls": starttls, "implicit": implicit}
            yield Exim(directory, inbox, ports).started()
