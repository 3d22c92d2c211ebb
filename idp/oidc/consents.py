"""What a person let applications of somebody else have, remembered so that they ask only once."""

from sqlmodel import Session

from idp.storage.statements import Rows
from idp.storage.tables import Consent, now

_CONSENTS = Rows(Consent)


def remember_consent(session: Session, user_id: str, client_id: str, scopes: list[str]) -> None:
    """Add these scopes to what the person agreed to."""
    _CONSENTS.insert_if_absent(session, user_id=user_id, client_id=client_id, scope="")
    row = session.get_one(Consent, (user_id, client_id), with_for_update=True)
    row.scope = " ".join(dict.fromkeys([*row.scope.split(), *scopes]))
    row.granted_at = now()
