"""Codes a program has sent and checked by the server, for purposes of its own."""

from sqlmodel import Session, col, select

from idp.accounts.users import address_key
from idp.administration import audit
from idp.administration.audit import Actor, Target
from idp.administration.office import Office
from idp.administration.problems import Invalid, Problem
from idp.connector_kit import UsageType
from idp.storage.tables import Verification
from idp.verification import Checked, CodeRequest

_WORDS = {
    Checked.MALFORMED: ("code_mismatch", "The code is wrong."),
    Checked.WRONG: ("code_mismatch", "The code is wrong."),
    Checked.EXPIRED: ("expired", "The code has expired; send a new one."),
    Checked.EXHAUSTED: ("exceed_max_try", "There were too many wrong codes; send a new one."),
}


def send_code(session: Session, office: Office, actor: Actor, email: str) -> None:
    """Send a code to an address; raises Invalid, and TooManySends as for everybody."""
    request = CodeRequest(
        email=email,
        email_key=_key(email),
        usage_type=UsageType.GENERIC,
        locale=office.settings.default_locale,
    )
    verification = office.proofs.begin(session, request)
    audit.record(session, actor, "verification-code.send", Target("verification", verification.id))


def check_code(session: Session, office: Office, email: str, typed: str) -> Problem | None:
    """Compare a code with the last one sent; return what is wrong, for the try must be counted.

    Raises Invalid when no code was sent, TooManyAttempts.
    """
    hashes = office.secrets.keyed_hashes("address", _key(email))
    newest = (
        select(Verification.id)
        .where(
            col(Verification.address).in_(hashes),
            Verification.usage_type == UsageType.GENERIC.value,
        )
        .order_by(col(Verification.id).desc())
    )
    verification_id = session.exec(newest).first()
    if verification_id is None:
        raise _problem("not_found", "No code was sent to this address, or it has expired.")
    checked = office.proofs.check(session, verification_id, typed)
    return None if checked is Checked.PROVEN else _problem(*_WORDS[checked])


def _problem(code: str, message: str) -> Invalid:
    return Invalid(f"verification_code.{code}", message)


def _key(email: str) -> str:
    try:
        return address_key(email)
    except ValueError as error:
        raise Invalid("guard.invalid_input", f"email: {error}.") from error
