"""What can be wrong with a request, by the names Logto's clients know, as HTTP states it."""

from enum import StrEnum


class Problem(StrEnum):
    """A machine-readable problem; `status` is its HTTP status (RFC 9110, RFC 6585 §4)."""

    status: int

    INVALID_EMAIL = "session.email_blocklist.invalid_email", 422
    EMAIL_NOT_ALLOWED = "session.email_blocklist.email_not_allowed", 422
    SUBADDRESSING_NOT_ALLOWED = (
        "session.email_blocklist.email_subaddressing_not_allowed",
        422,
    )
    CAPTCHA_FAILED = "session.captcha_failed", 422
    INVALID_CREDENTIALS = "session.invalid_credentials", 422
    TERMS_NOT_AGREED = "session.terms_not_agreed", 422
    USER_NOT_FOUND = "user.user_not_exist", 404
    SIGN_IN_CLOSED = "auth.forbidden", 403
    USER_SUSPENDED = "user.suspended", 403
    INVALID_CODE = "guard.invalid_input", 422
    CODE_MISMATCH = "verification_code.code_mismatch", 422
    CODE_EXPIRED = "verification_code.expired", 422
    CODE_EXHAUSTED = "verification_code.exceed_max_try", 422
    TOO_MANY_SENDS = "request.message_rate_limited", 429
    TOO_MANY_ATTEMPTS = "session.verification_blocked_too_many_attempts", 429

    def __new__(cls, code: str, status: int) -> "Problem":
        member = str.__new__(cls, code)
        member._value_ = code
        member.status = status
        return member
