"""What a demo prints once it is ready: a short text for a person, one JSON line for a program."""

import json
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.markup import escape

from idp.demo.mailbox_pages import PATH as MAILBOX_PATH
from idp.demo.seed import CLIENT_ID, PASSWORD, USERS, Surroundings

_TEXT = """
  Demo: keys, database and mails are in {directory}
  and mail stays on this machine. Not for production.

  1. Sample app     [bold]{sample_app}[/]   <- start here, press "Sign in"
  2. Dev mailbox    [bold]{mailbox}[/]   codes arrive here (SMTP {smtp_host}:{smtp_port})
  3. Console        [bold]{admin_link}[/]   works once
     Discovery      {issuer}/.well-known/openid-configuration
{accounts}
  Ctrl+C stops the demo and removes it.
"""
_ACCOUNTS = """
  Accounts          {users}
  Their password    {password}
"""


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """Where everything is."""

    issuer: str
    directory: str
    has_accounts: bool
    admin_link: str
    api_token: str
    surroundings: Surroundings

    def print(self, output: TextIO, *, as_json: bool) -> None:
        if as_json:
            output.write(self.as_json() + "\n")
        else:
            # rich leaves the styles out when this is no terminal or NO_COLOR is set.
            Console(file=output, highlight=False, soft_wrap=True).print(self.as_text())
        output.flush()

    def as_json(self) -> str:
        return json.dumps(
            {
                "issuer": self.issuer,
                "sample_app": self.surroundings.sample_app,
                "mailbox": self.issuer + MAILBOX_PATH,
                "smtp": {
                    "host": self.surroundings.smtp_host,
                    "port": self.surroundings.smtp_port,
                },
                "admin_link": self.admin_link,
                "api_token": self.api_token,
                "client_id": CLIENT_ID,
                "client_secret": self.surroundings.client_secret,
                "redirect_uri": self.surroundings.redirect_uri,
            }
        )

    def as_text(self) -> str:
        accounts = _ACCOUNTS.format(users=", ".join(USERS), password=PASSWORD)
        return _TEXT.format(
            directory=escape(self.directory),
            sample_app=self.surroundings.sample_app,
            mailbox=self.issuer + MAILBOX_PATH,
            smtp_host=self.surroundings.smtp_host,
            smtp_port=self.surroundings.smtp_port,
            issuer=self.issuer,
            admin_link=self.admin_link,
            accounts=accounts if self.has_accounts else "",
        )
