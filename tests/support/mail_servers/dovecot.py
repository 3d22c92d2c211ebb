"""Dovecot: a submission server that relays to another, and the account book of Postfix."""

import base64
import getpass
import grp
import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import OctKey
from programs import find, missing, need

from mail_servers import PASSWORD, USER
from mail_servers.daemon import free_ports, own_directory, running
from mail_servers.server import MailServer

_REASON = "tests of a real server"
_KEY = b"a key that only this Dovecot and the tests know"

_CONFIG = """
base_dir = {directory}/run
state_dir = {directory}/run
log_path = {directory}/log
protocols = submission
listen = 127.0.0.1
hostname = mail.example.test
{accounts}
default_process_limit = 100
ssl = required
ssl_cert = <{certificate}
ssl_key = <{certificate}
auth_mechanisms = {mechanisms}
auth_verbose = yes
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
  args = {directory}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {directory}/oauth2
}}
userdb {{
  driver = static
  args = {owner} home={directory}/home
}}
mail_max_userip_connections = 100
mail_location = maildir:~/mail
first_valid_uid = 1
service submission-login {{
  chroot =
  inet_listener submission {{
    port = {starttls}
  }}
  inet_listener submissions {{
    port = {implicit}
    ssl = yes
  }}
}}
service auth {{
  unix_listener {directory}/postfix {{
    mode = 0666
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
"""
_OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={directory}/keys/
username_attribute = sub
"""


class Dovecot(MailServer):
    """Dovecot with STARTTLS on one port and TLS from the first byte on the other."""

    LOGIN = r"submission-login: Info: Login: "
    FAILED_LOGIN = r"auth: Info: .*(?:[Pp]assword mismatch|oauth2.* failed)"
    CONNECTION = LOGIN
    KNOCK = "no auth attempts"

    def __init__(self, directory: Path, relay: MailServer, ports: dict[str, int]) -> None:
        super().__init__(directory, relay.inbox, ports)
        self._relay = relay

    def settle(self) -> None:
        self._relay.settle()

    @staticmethod
    def access_token(seconds: int = 600) -> str:
        """Issue a token for the account that this server accepts, or did until some time ago."""
        now = int(time.time())
        claims = {"sub": USER, "iat": now - 3600, "exp": now + seconds}
        header = {"alg": "HS256", "typ": "JWT"}
        return jwt.encode(header, claims, OctKey.import_key(_KEY))


@contextmanager
def running_dovecot(relay: MailServer, certificate: Path, mechanisms: str) -> Iterator[Dovecot]:
    """Run it with the given SASL mechanisms; `relay` gets what it accepts, on its plain port."""
    program = need(find("dovecot"), "dovecot (Debian: dovecot-core, dovecot-submissiond)", _REASON)
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True)
    if not version.stdout.startswith("2.3."):
        missing("This Dovecot is not 2.3, whose configuration language the tests speak", _REASON)
    with own_directory("dovecot") as directory:
        starttls, implicit = free_ports(2)
        values = {
            "directory": directory,
            "certificate": certificate,
            "mechanisms": mechanisms,
            "accounts": _accounts(),
            "owner": _owner(directory / "home"),
            "starttls": starttls,
            "implicit": implicit,
            "relay": relay.ports["plain"],
        }
        (directory / "dovecot.conf").write_text(_CONFIG.format(**values))
        _write_accounts(directory)
        command = [program, "-F", "-c", str(directory / "dovecot.conf")]
        with running(command, directory, [starttls, implicit]):
            yield Dovecot(directory, relay, {"starttls": starttls, "implicit": implicit}).started()


def _accounts() -> str:
    """Let it run without root, as whoever runs the tests."""
    if os.geteuid() == 0:
        return ""
    user, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    return "\n".join(
        [
            f"default_internal_user = {user}",
            f"default_login_user = {user}",
            f"default_internal_group = {group}",
        ]
    )


def _owner(home: Path) -> str:
    """Make the mailer's home; Dovecot lets nobody send mail as root."""
    home.mkdir()
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.getuid())
    os.chown(home, owner.pw_uid, owner.pw_gid)
    return f"uid={owner.pw_uid} gid={owner.pw_gid}"


def _write_accounts(directory: Path) -> None:
    (directory / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
    (directory / "oauth2").write_text(_OAUTH2.format(directory=directory))
    key = directory / "keys" / "default" / "HS256" / "default"
    key.parent.mkdir(parents=True)
    key.write_bytes(base64.b64encode(_KEY))
