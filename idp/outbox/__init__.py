"""Promised mails and calls: the row is the truth, a carrier only decides when it is delivered."""

from idp.outbox.carrier import Carrier
from idp.outbox.courier import Courier
from idp.outbox.embedded import EmbeddedCarrier
from idp.outbox.procrastinate_carrier import ProcrastinateCarrier
from idp.outbox.promise import Call, Mail, Outbox
from idp.settings import Settings

__all__ = ["Call", "Carrier", "Courier", "EmbeddedCarrier", "Mail", "Outbox", "open_carrier"]


def open_carrier(settings: Settings) -> Carrier:
    """Return the carrier that fits the database."""
    if settings.is_sqlite:
        return EmbeddedCarrier()
    return ProcrastinateCarrier(settings.database_url)
