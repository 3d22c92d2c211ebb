"""What guards the accounts of this server: each number in force, and the setting that says it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from idp.accounts.passwords import MAXIMUM_LENGTH, MINIMUM_LENGTH, MINIMUM_SCORE
from idp.accounts.sessions import RECENT
from idp.administration.administrators import SIGN_IN_AGE
from idp.oidc.credentials import ACCESS_TOKEN_LIFETIME, CODE_LIFETIME, REFRESH_TOKEN_LIFETIME
from idp.settings import Settings
from idp.verification import Limits


@dataclass(frozen=True)
class Fact:
    """One thing in force."""

    what: str
    value: str
    setting: str | None = None
    """Field of the settings; None: it is the same everywhere."""

    @property
    def variable(self) -> str | None:
        return self.setting and f"IDP_{self.setting.upper()}"


Facts = tuple[str, tuple[Fact, ...]]


def facts_of(settings: Settings, limits: Limits) -> tuple[Facts, ...]:
    """Return what is in force, by subject."""
    return (
        ("Codes by email", _codes(settings, limits)),
        ("Limits", _limits(settings, limits)),
        ("Passwords", _passwords(settings)),
        ("Sessions", _sessions(settings)),
        ("Tokens of applications", _tokens()),
        ("Who may have an account", _accounts(settings)),
    )


def _codes(settings: Settings, limits: Limits) -> tuple[Fact, ...]:
    return (
        Fact("length", f"{settings.verification_code_length} digits", "verification_code_length"),
        Fact(
            "work at most, where they sign in",
            f"{settings.sign_in_code_minutes} min",
            "sign_in_code_minutes",
        ),
        Fact("tries in one flow, however many are sent", str(limits.attempts)),
        Fact("another one in the same flow after", _list(f"{each} s" for each in limits.cooldowns)),
        Fact("mails that carry a link too", _list(settings.mail_links), "mail_links"),
    )


def _limits(settings: Settings, limits: Limits) -> tuple[Fact, ...]:
    sends = _list(f"{count} in {_span(window)}" for count, window in limits.sends)
    pauses = _list(f"{each} s" for each in limits.waits)
    counted = "by all processes together" if settings.redis_url else "by each process"
    return (
        Fact("codes to one address", sends),
        Fact("failures of an address in a day", _most(limits.failures)),
        Fact("pause after each further one", pauses if limits.failures is not None else "none"),
        Fact("codes for one IP address in an hour", _most(limits.ip_sends), "codes_per_ip_hour"),
        Fact("passwords tried by one IP address in an hour", _most(limits.ip_attempts)),
        Fact("codes for everybody in an hour", _most(limits.all_sends), "codes_per_hour"),
        Fact("counted per IP address", counted, "redis_url"),
        Fact("proxies believed about it", settings.forwarded_allow_ips, "forwarded_allow_ips"),
    )


def _passwords(settings: Settings) -> tuple[Fact, ...]:
    return (
        Fact("length", f"{MINIMUM_LENGTH} to {MAXIMUM_LENGTH} characters"),
        Fact("strength", f"at least {MINIMUM_SCORE} of 4 by zxcvbn, which knows the address"),
        Fact("hashed by argon2id with", f"{settings.argon2_memory_kib} KiB", "argon2_memory_kib"),
        Fact("and passes over it", str(settings.argon2_passes), "argon2_passes"),
        Fact("may wait for a processor", str(settings.password_queue), "password_queue"),
    )


def _sessions(settings: Settings) -> tuple[Fact, ...]:
    unremembered = f"{settings.session_unremembered_idle_minutes} min without use"
    return (
        Fact("end after", f"{settings.session_idle_hours} h without use", "session_idle_hours"),
        Fact("and always after", f"{settings.session_max_days} days", "session_max_days"),
        Fact("not remembered, end after", unremembered, "session_unremembered_idle_minutes"),
        Fact("people stay signed in", settings.remember_me, "remember_me"),
        Fact("the console asks for a sign-in after", _span(SIGN_IN_AGE)),
        Fact("what guards an account changes after a proof within", _span(RECENT)),
    )


def _tokens() -> tuple[Fact, ...]:
    return (
        Fact("authorization codes work for", _span(CODE_LIFETIME)),
        Fact("access tokens work for", _span(ACCESS_TOKEN_LIFETIME)),
        Fact("refresh tokens work for", _span(REFRESH_TOKEN_LIFETIME)),
    )


def _accounts(settings: Settings) -> tuple[Fact, ...]:
    invited = f"{settings.invitation_days} days"
    return (
        Fact("only these addresses", _list(settings.allowed_addresses), "allowed_addresses"),
        Fact("an invitation works for", invited, "invitation_days"),
    )


def _list(values: Iterable[str]) -> str:
    return ", ".join(values) or "none"


def _most(count: int | None) -> str:
    return "no limit" if count is None else f"{count:,}"


def _span(span: timedelta) -> str:
    """Write a time in the largest unit of which it has more than one."""
    seconds = int(span.total_seconds())
    units = {"days": 86_400, "h": 3_600, "min": 60}
    whole = (unit for unit, size in units.items() if seconds % size == 0 and seconds > size)
    unit = next(whole, "s")
    return f"{seconds // units.get(unit, 1)} {unit}"
