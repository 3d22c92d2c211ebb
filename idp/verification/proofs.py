"""Prove an address: issue a code together with the promise of its mail, check what comes back."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from sqlmodel import Session, col, select, update

from idp.connector_kit import EmailTemplate, UsageType
from idp.outbox import Mail, Outbox
from idp.settings import Settings
from idp.storage import Secrets
from idp.storage.tables import FailedAttempt, Verification, VerificationCode, now
from idp.verification.codes import new_code, read_code
from idp.verification.limits import (
    Limits,
    TooManySends,
    check_back_off,
    count_attempt,
    count_failure,
    count_send,
)

_SIGNING_IN = frozenset({UsageType.REGISTER, UsageType.SIGN_IN, UsageType.MFA_VERIFICATION})
"""Alike in everything, because which of them it is tells whether there is an account."""

_LATER = (0.3, 1.0)
"""Seconds until a mail leaves that an unknown address does not get. Its delivery shares processor
and database with the pages: right after the answer, it would slow the page the answer leads to."""


@dataclass(frozen=True, kw_only=True)
class CodeRequest:
    """A code somebody asked for.

    `email_key` is the normalised address. A `silent` request does everything but send: nobody can
    tell from outside that the address has no account. `browser` names one in which the address was
    proven before: it has limits of its own, which strangers cannot use up.
    """

    email: str
    email_key: str
    usage_type: UsageType
    locale: str
    application: Mapping[str, object] | None = None
    ip: str | None = None
    silent: bool = False
    browser: str | None = None
    variables: Mapping[str, object] = field(default_factory=dict)
    template: EmailTemplate | None = None
    """The wording, where the usage type alone does not tell it."""


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
            expires_at=now() + timedelta(minutes=self.lifetime(request.usage_type)),
        )
        session.add(verification)
        self._send(session, verification, request)
        return verification

    def resend(self, session: Session, verification_id: str, request: CodeRequest) -> None:
        """Send a further code; earlier ones stay valid, the attempts made still count.

        Raises TooManySends while the cooldown runs, LookupError when the codes are long expired.
        """
        verification = session.get(Verification, verification_id, with_for_update=True)
        if verification is None:
            raise LookupError("no code was sent in this flow")
        if remaining := self.limits.resend_in(verification, now()):
            raise TooManySends(remaining, "cooldown")
        self._send(session, verification, request)

    def check(
        self, session: Session, verification_id: str, typed: str, *, browser: str | None = None
    ) -> Checked:
        """Compare a typed code with those sent; the attempt is counted before it is compared.

        Raises TooManyAttempts, and counts nothing, while others guess at the same address. Only
        the first attempt is compared in any case: a person with a fresh code gets in, and who
        guesses gains no more of these than there are sends in a day.
        """
        verification_code = read_code(typed, self._settings.verification_code_length)
        if verification_code is None:
            return Checked.MALFORMED
        verification = self._count_attempt(session, verification_id)
        if verification is None:
            known = session.get(Verification, verification_id)
            return Checked.EXHAUSTED if known else Checked.EXPIRED
        bucket = self._bucket("code", verification.address, browser)
        if verification.attempts > 1:
            check_back_off(session, bucket, self.limits)
        if self._matches(session, verification, verification_code):
            session.delete(verification)
            return Checked.PROVEN
        count_failure(session, bucket)
        if verification.expires_at <= now():
            return Checked.EXPIRED
        is_last = verification.attempts >= self.limits.attempts
        return Checked.EXHAUSTED if is_last else Checked.WRONG

    def reveal(self, session: Session, verification_id: str) -> str | None:
        """Return a further code, to show to somebody whom the mail has reached by its link.

        None when no code would be compared any more.
        """
        verification = session.get(Verification, verification_id)
        if verification is None or verification.expires_at <= now():
            return None
        if not self.tries_left(verification):
            return None
        verification_code = new_code(self._settings.verification_code_length)
        self._keep(session, verification, verification_code)
        return verification_code

    def tries_left(self, verification: Verification) -> int:
        return max(0, self.limits.attempts - verification.attempts)

    def count_password(
        self, session: Session, email_key: str, *, browser: str | None = None
    ) -> FailedAttempt:
        """Count a password as wrong before it is compared; see `uncount_attempt`.

        Raises TooManyAttempts while the back-off of the address runs.
        """
        address = self._secrets.keyed_hash("address", email_key)
        return count_attempt(session, self._bucket("password", address, browser), self.limits)

    def lifetime(self, usage_type: UsageType) -> int:
        """Return the minutes a code works (NIST SP 800-63B-4 §3.1.3.2: ten to sign in)."""
        minutes = self._settings.verification_code_minutes
        if usage_type in _SIGNING_IN:
            return min(minutes, self._settings.sign_in_code_minutes)
        return minutes

    def _bucket(self, purpose: str, address: str, browser: str | None) -> str:
        return self._secrets.keyed_hash(f"{purpose} bucket", address, browser or "")

    def _send(self, session: Session, verification: Verification, request: CodeRequest) -> None:
        bucket = self._bucket("send", verification.address, request.browser)
        count_send(session, bucket, self.limits)
        verification_code = new_code(self._settings.verification_code_length)
        moment = now()
        verification.sends += 1
        verification.sent_at = moment
        minutes = self.lifetime(request.usage_type)
        verification.expires_at = moment + timedelta(minutes=minutes)
        self._keep(session, verification, verification_code)
        variables = {"code": verification_code, "expiresInMinutes": minutes}
        mail = Mail(
            to=request.email,
            usage_type=request.usage_type,
            deadline=verification.expires_at,
            locale=request.locale,
            payload=dict(request.variables) | variables,
            application=request.application,
            ip=request.ip,
            template=request.template,
            delay=_delay(request.usage_type),
        )
        message = self._outbox.promise(session, mail, silent=request.silent)
        verification.message_id = message.id

    def _keep(self, session: Session, verification: Verification, verification_code: str) -> None:
        session.add(
            VerificationCode(
                keyed_hash=self._hashes(verification, verification_code)[0],
                verification_id=verification.id,
                expires_at=verification.expires_at,
            )
        )

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


def _delay(usage_type: UsageType) -> float:
    is_forgotten = usage_type is UsageType.FORGOT_PASSWORD
    return random.uniform(*_LATER) if is_forgotten else 0.0  # noqa: S311
