"""Invitations: a mail whose link gives its address an account."""

from sqlmodel import Session, col, select

from idp.accounts.invitations import invite
from idp.administration import audit
from idp.administration.audit import Actor, Target
from idp.administration.office import Office
from idp.administration.problems import Invalid, NotFound, Refused
from idp.storage.tables import LinkPurpose, MailedLink, now


def invitations(session: Session) -> list[MailedLink]:
    """Return the invitations of the time that is kept, newest first."""
    statement = select(MailedLink).where(MailedLink.purpose == LinkPurpose.INVITATION)
    return list(session.exec(statement.order_by(col(MailedLink.created_at).desc()).limit(1000)))


def invitation(session: Session, invitation_id: str) -> MailedLink:
    """Return an invitation; raises NotFound."""
    found = session.get(MailedLink, invitation_id)
    if found is None or found.purpose is not LinkPurpose.INVITATION:
        raise NotFound("invitation", invitation_id)
    return found


def send_invitation(
    session: Session, office: Office, actor: Actor, email: str, organization: str
) -> MailedLink:
    """Invite somebody; raises Invalid unless `email` is one address."""
    try:
        invite(session, office.settings, office.outbox, email, organization)
    except ValueError as error:
        data = {"problems": {"invitee": str(error)}}
        raise Invalid("guard.invalid_input", f"invitee: {error}.", data=data) from error
    session.flush()
    of_this_address = select(MailedLink).where(
        MailedLink.email == email, MailedLink.purpose == LinkPurpose.INVITATION
    )
    sent = session.exec(of_this_address.order_by(col(MailedLink.created_at).desc())).first()
    assert sent is not None  # noqa: S101 (it was written above)
    audit.record(session, actor, "invitation.send", Target("invitation", sent.fingerprint))
    return sent


def revoke_invitation(session: Session, actor: Actor, invitation_id: str) -> MailedLink:
    """End an invitation, so that its link opens nothing; raises NotFound, Refused."""
    found = invitation(session, invitation_id)
    if found.used_at is not None:
        raise Refused("organization_invitation.not_pending", "It was accepted already.")
    found.expires_at = min(found.expires_at, now())
    session.add(found)
    audit.record(session, actor, "invitation.revoke", Target("invitation", invitation_id))
    return found
