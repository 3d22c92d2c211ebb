"""The mailbox in a browser and as JSON, under /dev/mail."""

from collections.abc import Sequence
from pathlib import Path

from sqlmodel import Session, col, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from idp.demo.mailbox import Mailbox
from idp.demo.received_mail import ReceivedMail
from idp.storage import Database
from idp.storage.tables import Message

PATH = "/dev/mail"
STATIC_DIRECTORY = Path(__file__).parent / "static"

_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}
# A mail may hold anything: it gets no scripts, no requests and an origin of its own.
_MAIL_HEADERS = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    )
}
_templates = Jinja2Templates(Path(__file__).parent / "templates")


def mailbox_routes(mailbox: Mailbox, database: Database) -> list[BaseRoute]:
    """Return the routes of the mailbox; the database knows why each mail was sent."""
    pages = _MailboxPages(mailbox, database)
    return [
        Route(PATH, pages.show_list),
        Route(f"{PATH}/messages.json", pages.list_as_json),
        Route(f"{PATH}/messages.json", pages.empty, methods=["DELETE"]),
        Route(f"{PATH}/messages/{{id}}", pages.show_mail),
        Route(f"{PATH}/messages/{{id}}/html", pages.show_html),
        Route(f"{PATH}/messages/{{id}}/source", pages.show_source),
        Mount(f"{PATH}/static", StaticFiles(directory=STATIC_DIRECTORY)),
    ]


class _MailboxPages:
    def __init__(self, mailbox: Mailbox, database: Database) -> None:
        self._mailbox = mailbox
        self._database = database

    async def show_list(self, request: Request) -> Response:
        context = {"path": PATH, "mails": self._mailbox.mails()}
        return _templates.TemplateResponse(request, "mailbox.html", context, headers=_PAGE_HEADERS)

    async def show_mail(self, request: Request) -> Response:
        mail = self._find(request)
        usage_types = await self._database.run(_usage_types, [mail.promise_id])
        context = {"path": PATH, "mail": mail, "usage_type": usage_types.get(mail.promise_id)}
        return _templates.TemplateResponse(request, "mail.html", context, headers=_PAGE_HEADERS)

    async def show_html(self, request: Request) -> Response:
        return HTMLResponse(self._find(request).html or "", headers=_MAIL_HEADERS)

    async def show_source(self, request: Request) -> Response:
        return PlainTextResponse(self._find(request).raw, headers=_MAIL_HEADERS)

    async def list_as_json(self, request: Request) -> Response:
        address = request.query_params.get("to")
        mails = [mail for mail in self._mailbox.mails() if not address or mail.is_for(address)]
        usage_types = await self._database.run(_usage_types, [mail.promise_id for mail in mails])
        return JSONResponse([_as_json(mail, usage_types.get(mail.promise_id)) for mail in mails])

    async def empty(self, _request: Request) -> Response:
        self._mailbox.empty()
        return Response(status_code=204)

    def _find(self, request: Request) -> ReceivedMail:
        mail = self._mailbox.find(request.path_params["id"])
        if mail is None:
            raise HTTPException(404, "The mailbox holds no such mail; it keeps the latest ones.")
        return mail


def _usage_types(session: Session, message_ids: Sequence[str]) -> dict[str, str]:
    statement = select(Message.id, Message.usage_type).where(col(Message.id).in_(message_ids))
    return dict(session.exec(statement).all())


def _as_json(mail: ReceivedMail, usage_type: str | None) -> dict[str, object]:
    return {
        "id": mail.id,
        "to": ", ".join(mail.recipients),
        "from": mail.author,
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "headers": _headers_as_json(mail.headers),
        "usage_type": usage_type,
        "verification_code": mail.verification_code,
        "received_at": mail.received_at.isoformat(),
        "raw": mail.raw,
    }


def _headers_as_json(headers: Sequence[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Group fields by name: a value, or the list of values of a repeated field."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}
