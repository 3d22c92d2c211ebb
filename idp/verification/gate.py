"""The gate before every form that costs a mail or tries a password."""

import asyncio
from collections.abc import Mapping

import structlog
from limits import RateLimitItemPerHour

from idp.plugins import Plugins
from idp.settings import Settings
from idp.verification.address_policy import AddressPolicy
from idp.verification.form_fields import FormFields
from idp.verification.ip_limits import Counter, network_of
from idp.verification.limits import LimitReached, Limits, TooManyAttempts, TooManySends

log = structlog.get_logger(__name__)


class Gate:
    """Asks the limits that belong to no address, and the plugins, before anything is looked up.

    So whatever it says, it says the same of every address.
    """

    def __init__(self, settings: Settings, plugins: Plugins, limits: Limits) -> None:
        redis_url = settings.redis_url
        self.addresses = AddressPolicy(settings, plugins)
        self._plugins = plugins
        self._limits = limits
        self._counter = Counter(redis_url.get_secret_value() if redis_url else None)

    async def admit_send(self, ip: str | None) -> None:
        """Count a wish for a code; raises TooManySends."""
        if wait := await self._count("send", self._limits.ip_sends, network_of(ip)):
            raise TooManySends(wait, "ip")
        if wait := await self._count("send", self._limits.all_sends, "everybody"):
            raise TooManySends(wait, "everybody")

    async def admit_attempt(self, ip: str | None) -> None:
        """Count a password about to be compared; raises TooManyAttempts."""
        if wait := await self._count("attempt", self._limits.ip_attempts, network_of(ip)):
            raise TooManyAttempts(wait, "ip")

    async def refusal_of(
        self, form: Mapping[str, str], *, ip: str | None, locale: str
    ) -> str | None:
        """Return what a plugin has against this form, a captcha for example; None is welcome."""
        if not self._plugins.manager.hook.idp_check_form.get_hookimpls():
            return None
        asked = {"form": form, "ip": ip, "locale": locale}
        # In a thread, for most will ask a service elsewhere.
        refusals = await asyncio.to_thread(self._plugins.ask, "idp_check_form", str, **asked)
        return next(iter(refusals), None)

    def form_fields(self, locale: str) -> FormFields:
        """Return what plugins add to these forms."""
        return FormFields.together(
            self._plugins.ask("idp_form_fields", FormFields.parse, locale=locale)
        )

    def report(self, reached: LimitReached) -> None:
        """Tell the log and the plugins; a limit for everybody is an alert."""
        tell = log.error if reached.limit == "everybody" else log.warning
        tell("limit reached", limit=reached.limit, retry_after=reached.retry_after)
        self._plugins.ask("idp_limit_reached", limit=reached.limit, retry_after=reached.retry_after)

    async def aclose(self) -> None:
        await self._counter.aclose()

    async def _count(self, what: str, limit: int | None, key: str | None) -> int:
        if limit is None or key is None:
            return 0
        return await self._counter.hit(RateLimitItemPerHour(limit), what, key)
