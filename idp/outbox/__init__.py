"""Promised mails: the row is the only truth, a carrier only decides when it is delivered."""

from idp.outbox.courier import Courier
from idp.outbox.embedded import EmbeddedCarrier
from idp.outbox.promise import Mail, Outbox

__all__ = ["Courier", "EmbeddedCarrier", "Mail", "Outbox"]
