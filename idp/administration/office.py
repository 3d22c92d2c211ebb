"""What administrators' work is done with."""

from dataclasses import dataclass

from idp.accounts.passwords import Passwords
from idp.outbox import Outbox
from idp.outbox.promise import Defer
from idp.plugins import Plugins
from idp.settings import Settings
from idp.storage import Database, Secrets
from idp.verification import Proofs


@dataclass(frozen=True)
class Office:
    """A deployment that is open for work: it also promises mails and checks codes."""

    settings: Settings
    secrets: Secrets
    plugins: Plugins
    database: Database
    outbox: Outbox
    proofs: Proofs
    passwords: Passwords
    defer: Defer
