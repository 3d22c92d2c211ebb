"""Applications are owed word of a session that ends (OpenID Connect Back-Channel Logout 1.0)."""

from datetime import timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from idp.outbox import Call, Outbox
from idp.storage.tables import BrowserSession, Client, Grant, now

CHANNEL = "backchannel_logout"
KIND = "BackchannelLogout"
_WORTH_TELLING = timedelta(hours=1)
"""An application that cannot be reached longer than this is not told any more."""


def promise_logouts(session: Session, outbox: Outbox, *which: ColumnElement[bool]) -> None:
    """Promise word of every browser session of `which` to the applications used in it.

    To be called before the sessions end, in the same transaction: then both happen or neither.
    """
    uri = col(Client.backchannel_logout_uri)
    used = (
        select(  # type: ignore[call-overload]
            BrowserSession.id,
            BrowserSession.user_id,
            Client.id,
            Client.backchannel_logout_uri,
            Client.id_token_signed_response_alg,
        )
        .join(Grant, col(Grant.session_id) == col(BrowserSession.id))
        .join(Client, col(Client.id) == col(Grant.client_id))
        .where(uri.is_not(None), *which)
        .distinct()
    )
    for session_id, user_id, client_id, address, algorithm in session.exec(used).all():
        told = {"client_id": client_id, "algorithm": algorithm, "sub": user_id, "sid": session_id}
        deadline = now() + _WORTH_TELLING
        call = Call(channel=CHANNEL, kind=KIND, to=address or "", payload=told, deadline=deadline)
        outbox.promise_call(session, call)
