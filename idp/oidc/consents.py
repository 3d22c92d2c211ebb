"""What a person let applications of somebody else have, remembered so that they ask only once."""

from sqlmodel import Session

from idp.accounts.sessions import SignedIn
from idp.oidc.clients import RegisteredClient
from idp.storage.statements import Rows
from idp.storage.tables import Consent, now

_CONSENTS = Rows(Consent)


def load_consent(
    session: Session, signed_in: SignedIn | None, client: RegisteredClient
) -> Consent | None:
    """Return what the person agreed to before."""
    if signed_in is None:
        return None
    return _CONSENTS.get(session, user_id=signed_in.user.id, client_id=client.row.id)


def remember_consent(session: Session, user_id: str, client_id: str, scopes: list[str]) -> None:
    """Add these scopes to what the person agreed to."""
    _CONSENTS.insert_if_absent(session, user_id=user_id, client_id=client_id, scope="")
    row = session.get_one(Consent, (user_id, client_id), with_for_update=True)
    row.scope = " ".join(dict.fromkeys([*row.scope.split(), *scopes]))
    row.granted_at = now()
