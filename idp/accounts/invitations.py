"""Invitations: a mail with a link that gives its address an account."""

from datetime import timedelta

from sqlmodel import Session

from idp.accounts.links import issue_link
from idp.accounts.users import address_key
from idp.connector_kit import UsageType
from idp.outbox import Mail, Outbox
from idp.settings import Settings
from idp.storage.tables import LinkPurpose, now


def invite(
    session: Session, settings: Settings, outbox: Outbox, email: str, organization: str
) -> None:
    """Promise the mail, in the default language; raises ValueError unless `email` is one address.

    Where the link leads, `idp.flows.invitation` answers.
    """
    address_key(email)
    lifetime = timedelta(days=settings.invitation_days)
    described = {"email": email, "organization": organization}
    link = issue_link(session, settings, LinkPurpose.INVITATION, lifetime, **described)
    mail = Mail(
        to=email,
        usage_type=UsageType.ORGANIZATION_INVITATION,
        deadline=now() + lifetime,
        locale=settings.default_locale,
        payload={
            "link": link,
            "organization": {"name": organization},
            "expiresInDays": lifetime.days,
            "expiresInMinutes": lifetime // timedelta(minutes=1),
        },
    )
    outbox.promise(session, mail)
