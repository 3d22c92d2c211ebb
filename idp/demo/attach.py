"""The mailbox becomes part of a server: its pages, and its SMTP server while that one runs."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from idp.demo.mailbox import Mailbox, SmtpServer
from idp.demo.mailbox_pages import mailbox_routes


def attach_mailbox(app: Starlette, mailbox: Mailbox, listener: socket.socket) -> None:
    """Serve the mailbox under /dev/mail, and SMTP on `listener` before anything is delivered."""
    app.router.routes.extend(mailbox_routes(mailbox, app.state.server.database))
    lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def with_smtp(app: Starlette) -> AsyncIterator[None]:
        async with SmtpServer(mailbox, listener), lifespan(app):
            yield

    app.router.lifespan_context = with_smtp
