"""Prove an address: issue a code together with the promise of its mail, check what comes back."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import Session, col, select, update

from idp.connector_kit import EmailTemplate, UsageType
from idp.outbox import Mail, Outbox
from idp.settings import Settings
from idp.storage import Secrets
from idp.storage.secrets import new_id
from idp.storage.statements import Rows, Statement
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

_VERIFICATIONS = Rows(Verification)
_CODES = Rows(VerificationCode)
_LOCKED = Statement[Verification](
    select(Verification).where(col(Verification.id) == bindparam("id")).with_for_update()
)
_COUNT_ATTEMPT = Statement[Verification](
    update(Verification)
    .where(
        col(Verification.id) == bindparam("of"),
        col(Verification.attempts) < bindparam("most"),
    )
    .values(attempts=col(Verification.attempts) + 1)
    .returning(Verification),
    returning=Verification,
)
_FIND_CODE = Statement[str](
    select(VerificationCode.verification_id).where(
        col(VerificationCode.keyed_hash) == bindparam("keyed_hash"),
        col(VerificationCode.expires_at) > bindparam("moment"),
    )
)


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
        self.code_seconds = settings.verification_code_minutes * 60
        """How long a code works; this and the limits may change while the server runs."""

    def begin(
        self, session: Session, request: CodeRequest, verification_id: str | None = None
    ) -> Verification:
        """Send a first code; raises TooManySends."""
        address = self._secrets.keyed_hash("address", request.email_key)
        sent = self._send(session, address, request)
        begun = {"usage_type": request.usage_type, "address": address, "sends": 1, **sent.fields}
        verification = _VERIFICATIONS.insert(session, id=verification_id or new_id(), **begun)
        self._keep(session, verification, sent.verification_code, sent.expires_at)
        return verification

    def resend(self, session: Session, verification_id: str, request: CodeRequest) -> None:
        """Send a further code; earlier ones stay valid, the attempts made still count.

        Raises TooManySends while the cooldown runs, LookupError when the codes are long expired.
        """
        verification = _LOCKED.first(session, id=verification_id)
        if verification is None:
            raise LookupError("no code was sent in this flow")
        if remaining := self.limits.resend_in(verification, now()):
            raise TooManySends(remaining, "cooldown")
        sent = self._send(session, verification.address, request)
        changed = {"sends": verification.sends + 1, **sent.fields}
        _VERIFICATIONS.update(session, {"id": verification_id}, **changed)
        self._keep(session, verification, sent.verification_code, sent.expires_at)

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
        verification = _COUNT_ATTEMPT.first(session, of=verification_id, most=self.limits.attempts)
        if verification is None:
            known = _VERIFICATIONS.get(session, id=verification_id)
            return Checked.EXHAUSTED if known else Checked.EXPIRED
        bucket = self._bucket("code", verification.address, browser)
        if verification.attempts > 1:
            check_back_off(session, bucket, self.limits)
        if self._matches(session, verification, verification_code):
            _VERIFICATIONS.delete(session, id=verification.id)
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
        verification = _VERIFICATIONS.get(session, id=verification_id)
        if verification is None or verification.expires_at <= now():
            return None
        if not self.tries_left(verification):
            return None
        verification_code = new_code(self._settings.verification_code_length)
        self._keep(session, verification, verification_code, verification.expires_at)
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
        """Return the whole minutes a code works (NIST SP 800-63B-4 §3.1.3.2: ten to sign in)."""
        return self._seconds(usage_type) // 60

    def _seconds(self, usage_type: UsageType) -> int:
        if usage_type in _SIGNING_IN:
            return min(self.code_seconds, self._settings.sign_in_code_minutes * 60)
        return self.code_seconds

    def _bucket(self, purpose: str, address: str, browser: str | None) -> str:
        return self._secrets.keyed_hash(f"{purpose} bucket", address, browser or "")

    def _send(self, session: Session, address: str, request: CodeRequest) -> "_Sent":
        bucket = self._bucket("send", address, request.browser)
        count_send(session, bucket, self.limits)
        verification_code = new_code(self._settings.verification_code_length)
        moment = now()
        deadline = moment + timedelta(seconds=self._seconds(request.usage_type))
        minutes = self.lifetime(request.usage_type)
        variables = {"code": verification_code, "expiresInMinutes": minutes}
        mail = Mail(
            to=request.email,
            usage_type=request.usage_type,
            deadline=deadline,
            locale=request.locale,
            payload=dict(request.variables) | variables,
            application=request.application,
            ip=request.ip,
            template=request.template,
            delay=_delay(request.usage_type),
        )
        message = self._outbox.promise(session, mail, silent=request.silent)
        return _Sent(verification_code, message.id, moment, deadline)

    def _keep(
        self,
        session: Session,
        verification: Verification,
        verification_code: str,
        expires_at: datetime,
    ) -> None:
        _CODES.insert(
            session,
            keyed_hash=self._hashes(verification, verification_code)[0],
            verification_id=verification.id,
            expires_at=expires_at,
        )

    def _matches(
        self, session: Session, verification: Verification, verification_code: str
    ) -> bool:
        # Looking a keyed hash up reveals nothing by its timing: who guesses cannot compute it.
        return any(
            _FIND_CODE.first(session, keyed_hash=keyed_hash, moment=now())
            for keyed_hash in self._hashes(verification, verification_code)
        )

    def _hashes(self, verification: Verification, verification_code: str) -> list[str]:
        bound_to = (verification.usage_type, verification.address, verification.id)
        return self._secrets.keyed_hashes("verification code", *bound_to, verification_code)


@dataclass(frozen=True)
class _Sent:
    """A code that was mailed."""

    verification_code: str
    message_id: str
    sent_at: datetime
    expires_at: datetime

    @property
    def fields(self) -> dict[str, Any]:
        """What the row of the verification says about it."""
        return {
            "message_id": self.message_id,
            "sent_at": self.sent_at,
            "expires_at": self.expires_at,
        }


def _delay(usage_type: UsageType) -> float:
    is_forgotten = usage_type is UsageType.FORGOT_PASSWORD
    return random.uniform(*_LATER) if is_forgotten else 0.0  # noqa: S311
