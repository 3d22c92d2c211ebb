"""A link beside the code, for the mails the settings name."""

from dataclasses import replace
from datetime import timedelta

from sqlmodel import Session

from idp.accounts.links import issue_link
from idp.connector_kit import UsageType
from idp.connector_kit.shipped_templates import nearest_locale, shipped_link_template
from idp.flows.desk import Desk
from idp.outbox.wording import custom_template
from idp.storage.tables import Flow, LinkPurpose
from idp.verification import CodeRequest

_ALIKE = frozenset({UsageType.REGISTER, UsageType.SIGN_IN})
"""Which of them a mail is tells whether there is an account, so both take the same path."""


def with_link(session: Session, desk: Desk, flow: Flow, asked: CodeRequest) -> CodeRequest:
    """Add a link to a mail with a code; its token is independent of the code."""
    linked = set(desk.settings.mail_links)
    alike = _ALIKE if asked.usage_type in _ALIKE else {asked.usage_type}
    if not linked & alike:
        return asked
    lifetime = timedelta(minutes=desk.proofs.lifetime(asked.usage_type))
    whose = {"email": flow.email, "flow_id": flow.id}
    link = issue_link(session, desk.settings, LinkPurpose.PROOF, lifetime, **whose)
    if asked.usage_type not in linked:
        return asked
    fallback = desk.settings.default_locale
    template = custom_template(session, asked.usage_type, flow.locale, fallback)
    if template is None:
        template = shipped_link_template(nearest_locale(flow.locale, fallback), asked.usage_type)
    return replace(asked, template=template, variables={**asked.variables, "link": link})
