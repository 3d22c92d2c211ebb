"""Prove an address: issue a code together with the promise of its mail, check what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from sqlmodel import Session, col, select, update

from idp.connector_kit import UsageType
from idp.outbox import Mail, Outbox
from idp.settings import Settings
from idp.storage import Secrets
from idp.storage.tables import Verification, VerificationCode, now
from idp.verification.codes import new_code, read_code
from idp.verification.limits import Limits, TooManySends, count_send


@dataclass(frozen=True, kw_only=True)
class CodeRequest:
    """A code somebody asked for.

    `email_key` is the normalised address. A `silent` request does everything but send: nobody can
    tell from outside that the address has no account.
    """

    email: str
    email_key: str
    usage_type: UsageType
    locale: str
    application: Mapping[str, object] | None = None
    ip: str | None = None
    silent: bool = False
    variables: Mapping[str, object] = field(default_factory=dict)


class Checked(StrEnum):
    """The verdict on a typed code."""

    PROVEN = "proven"
    MALFORMED = "malformed"
    WRONG = "wrong"
    EXHAUSTED = "exhausted"
    EXPIRED = "expired"


class Proofs:
    """Issues and checks codes; every method is part of the caller's transaction."""

    def __init__(
        self, settings: Settings, secrets: Secrets, outbox: Outbox, limits: Limits
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._outbox = outbox
        self.limits = limits

    def begin(self, session: Session, request: CodeRequest) -> Verification:
        """Send a first code; raises TooManySends."""
        verification = Verification(
            usage_type=request.usage_type,
            address=self._secrets.keyed_hash("address", request.email_key),
            sent_at=now(),
            expires_at=now() + self._lifetime,
        )
        session.add(verification)
        self._send(session, verification, request)
        return verification

    def resend(self, session: Session, verification_id: str, request: CodeRequest) -> None:
        """Send a further code; earlier ones stay valid, the attempts made still count.

        Raises TooManySends while the cooldown runs, LookupError when the codes are long expired.
        """
        verification = session.get(Verification, verification_id)
        if verification is None:
            raise LookupError("no code was sent in this flow")
        if remaining := self.limits.resend_in(verification, now()):
            raise TooManySends(remaining)
        self._send(session, verification, request)

    def check(self, session: Session, verification_id: str, typed: str) -> Checked:
        """Compare a typed code with those sent; the attempt is counted before it is compared."""
        verification_code = read_code(typed, self._settings.verification_code_length)
        if verification_code is None:
            return Checked.MALFORMED
        verification = self._count_attempt(session, verification_id)
        if verification is None:
            known = session.get(Verification, verification_id)
            return Checked.EXHAUSTED if known else Checked.EXPIRED
        if self._matches(session, verification, verification_code):
            session.delete(verification)
            return Checked.PROVEN
        if verification.expires_at <= now():
            return Checked.EXPIRED
        is_last = verification.attempts >= self.limits.attempts
        return Checked.EXHAUSTED if is_last else Checked.WRONG

    def tries_left(self, verification: Verification) -> int:
        return max(0, self.limits.attempts - verification.attempts)

    @property
    def _lifetime(self) -> timedelta:
        return timedelta(minutes=self._settings.verification_code_minutes)

    def _send(self, session: Session, verification: Verification, request: CodeRequest) -> None:
        count_send(session, verification.address, self.limits)
        verification_code = new_code(self._settings.verification_code_length)
        moment = now()
        verification.sends += 1
        verification.sent_at = moment
        verification.expires_at = moment + self._lifetime
        session.add(
            VerificationCode(
                keyed_hash=self._hashes(verification, verification_code)[0],
                verification_id=verification.id,
                expires_at=verification.expires_at,
            )
        )
        minutes = self._settings.verification_code_minutes
        variables = {"code": verification_code, "expiresInMinutes": minutes}
        mail = Mail(
            to=request.email,
            usage_type=request.usage_type,
            deadline=verification.expires_at,
            locale=request.locale,
            payload=dict(request.variables) | variables,
            application=request.application,
            ip=request.ip,
        )
        message = self._outbox.promise(session, mail, silent=request.silent)
        verification.message_id = message.id

    def _count_attempt(self, session: Session, verification_id: str) -> Verification | None:
        statement = (
            update(Verification)
            .where(
                col(Verification.id) == verification_id,
                col(Verification.attempts) < self.limits.attempts,
            )
            .values(attempts=col(Verification.attempts) + 1)
            .returning(Verification)
        )
        return session.scalars(statement).one_or_none()

    def _matches(
        self, session: Session, verification: Verification, verification_code: str
    ) -> bool:
        # Looking a keyed hash up reveals nothing by its timing: who guesses cannot compute it.
        statement = select(VerificationCode.verification_id).where(
            col(VerificationCode.keyed_hash).in_(self._hashes(verification, verification_code)),
            col(VerificationCode.expires_at) > now(),
        )
        return session.exec(statement).first() is not None

    def _hashes(self, verification: Verification, verification_code: str) -> list[str]:
        bound_to = (verification.usage_type, verification.address, verification.id)
        return self._secrets.keyed_hashes("verification code", *bound_to, verification_code)
