"""Where a request came from, and the notices that tell of it."""

from dataclasses import dataclass
from datetime import timedelta

from starlette.requests import Request

from idp.accounts.devices import name_device
from idp.connector_kit import EmailTemplate, UsageType
from idp.outbox import Mail
from idp.storage.tables import now

_WORTH_KNOWING_FOR = timedelta(days=3)


@dataclass(frozen=True)
class Origin:
    """Where a request came from, as far as the server can tell."""

    ip: str | None
    device: str

    @classmethod
    def of(cls, request: Request) -> "Origin":
        ip = request.client.host if request.client else None
        return cls(ip, name_device(request.headers.get("user-agent", "")))

    @property
    def variables(self) -> dict[str, object]:
        """What templates may say about it, with the present time."""
        time = f"{now():%Y-%m-%d %H:%M} UTC"
        return {"ip": self.ip or "?", "device": self.device or "?", "time": time}


def notice_mail(
    template: EmailTemplate, locale: str, origin: Origin, *, to: str, link: str
) -> Mail:
    """Return the mail of a notice; its link leads to where the person can object."""
    return Mail(
        to=to,
        usage_type=UsageType.GENERIC,
        deadline=now() + _WORTH_KNOWING_FOR,
        locale=locale,
        payload={"link": link, "request": origin.variables},
        ip=origin.ip,
        template=template,
    )
