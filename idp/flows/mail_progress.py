"""Beside the code step: how far the mail with the code is, for the browser that asked for it.

It must not tell whether there is an account. To register or sign in, a mail is sent in any case, so
its own progress may be shown. A forgotten password of nobody sends none: there the page only says
whether mails are delayed in general.
"""

from datetime import timedelta

from sqlalchemy import bindparam
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from idp.flows import texts
from idp.flows.desk import Desk
from idp.outbox.progress import Progress, general_progress, progress
from idp.storage.statements import Rows, Statement
from idp.storage.tables import Flow, FlowKind, Message, Verification, now

_ALL_ALIKE = timedelta(seconds=5)
"""How long the page is the same whether mail is quick, slow or down."""

VERIFICATIONS = Rows(Verification)
_MESSAGES = Rows(Message)
_WITH_CODES = Statement[tuple[Flow, Verification | None]](
    select(Flow, Verification)
    .outerjoin(Verification, col(Verification.id) == col(Flow.verification_id))
    .where(col(Flow.id) == bindparam("id"))
)


async def show_mail_progress(desk: Desk, kind: FlowKind, request: Request) -> Response:
    """Tell the script of the code page what to write."""
    found = await desk.database.read(_load, desk, kind, request)
    if found is None:
        return JSONResponse({}, 410)
    flow, mail = found
    return JSONResponse({"state": mail, "text": texts.mail(flow.locale, mail)})


def _load(
    session: Session, desk: Desk, kind: FlowKind, request: Request
) -> tuple[Flow, Progress] | None:
    flow, verification = load_with_codes(session, desk, kind, request) or (None, None)
    if flow is None or verification is None:
        return None
    return flow, mail_progress(session, flow, verification)


def load_with_codes(
    session: Session, desk: Desk, kind: FlowKind, request: Request
) -> tuple[Flow, Verification | None] | None:
    """Return the flow of this page, to read it only, and the codes that can prove its address."""
    found = _WITH_CODES.first(session, id=request.path_params["flow"])
    return found if found and desk.is_open(request, found[0], kind) else None


def mail_progress(session: Session, flow: Flow, verification: Verification) -> Progress:
    """Return what the person may know of the newest mail of this flow."""
    if now() - verification.sent_at < _ALL_ALIKE:
        return Progress.QUEUED
    if flow.kind is FlowKind.FORGOT_PASSWORD:
        return general_progress(session)
    message = _MESSAGES.get(session, id=verification.message_id)
    return progress(message, now()) if message else Progress.QUEUED
