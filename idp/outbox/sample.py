"""A mail with invented values, to try out settings and wording before anybody relies on them."""

from collections.abc import Mapping

from idp.connector_kit import EmailRequest, EmailTemplate, UsageType
from idp.outbox.notices import Notice

_ISSUER_HOST = "id.example.com"
_SHARED = {
    "issuer": f"https://{_ISSUER_HOST}",
    "issuerHost": _ISSUER_HOST,
    "supportEmail": "support@example.com",
    "application": {"id": "sample-application", "name": "Sample Application"},
    "user": {"id": "sample-user", "name": "Alex Sample", "primaryEmail": "alex@example.com"},
    "expiresInDays": 7,
    "expiresInMinutes": 10,
    "request": {"ip": "192.0.2.1", "device": "Firefox on Linux", "time": "12:00 UTC"},
}
_CODE: Mapping[str, object] = {"code": "482913"}
_NOTICE = {"link": f"https://{_ISSUER_HOST}/forgot-password"}
_INVITATION = {
    "link": f"https://{_ISSUER_HOST}/invitations/sample",
    "organization": {"id": "sample-organization", "name": "Sample Organization"},
    "inviter": {"name": "Robin Sample"},
}


def sample_mail(
    to: str,
    usage_type: UsageType | Notice,
    *,
    locale: str = "en",
    template: EmailTemplate | None = None,
) -> EmailRequest:
    """Return a mail that looks like a real one; its code and its link open nothing."""
    content = _INVITATION if usage_type is UsageType.ORGANIZATION_INVITATION else _CODE
    if isinstance(usage_type, Notice):
        content, usage_type = _NOTICE, UsageType.GENERIC
        template = template and template.model_copy(update={"usage_type": usage_type.value})
    return EmailRequest(
        to=to,
        usage_type=usage_type,
        payload={**_SHARED, "locale": locale, **content},
        locale=locale,
        custom_template=template,
    )
