"""`idp demo`: everything a first look needs, in one process, removed at the end."""

import asyncio
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn
from cryptography.fernet import Fernet

from idp.app import create_app
from idp.demo.announcement import Announcement
from idp.demo.attach import attach_mailbox
from idp.demo.directory import DemoDirectory, demo_directory
from idp.demo.listeners import listen_on_localhost
from idp.demo.mailbox import Mailbox
from idp.demo.sample_app import create_sample_app
from idp.demo.seed import CLIENT_ID, Surroundings, issue_admin_link, issue_api_token, seed
from idp.demo.web_server import serving
from idp.settings import Settings
from idp.storage.migrations import upgrade
from idp.storage.secrets import new_secret
from idp.verification import Limits
from idp.web.listening import listen, port_of


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """The options of `idp demo`; port 0 is any free port."""

    port: int = 8000
    app_port: int = 9000
    smtp_port: int = 1025
    directory: Path | None = None
    seed: bool = True
    json: bool = False
    no_limits: bool = False


@dataclass(frozen=True)
class _Listeners:
    server: list[socket.socket]
    sample_app: list[socket.socket]
    smtp: socket.socket


def run_demo(options: DemoOptions) -> int:
    """Run until SIGINT or SIGTERM and return the exit status.

    Raises SetupError when a port is taken, the directory is no demo's or a plugin is missing.
    """
    loop_factory = uvicorn.Config("", log_config=None).get_loop_factory()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(_run(options))
    return 0


async def _run(options: DemoOptions) -> None:
    with _stop_signals() as stopped, demo_directory(options.directory) as directory:
        async with AsyncExitStack() as stack:
            announcement = await _start(options, directory, stack)
            announcement.print(sys.stdout, as_json=options.json)
            await stopped.wait()


async def _start(
    options: DemoOptions, directory: DemoDirectory, stack: AsyncExitStack
) -> Announcement:
    listeners = _listen(options, stack)
    settings = _settings(directory, port_of(listeners.server[0]))
    surroundings = _surroundings(directory, listeners)
    upgrade(settings.database_url)
    app = create_app(settings, limits=Limits.lifted() if options.no_limits else None)
    attach_mailbox(app, Mailbox(directory.mails), listeners.smtp)
    await seed(app.state.server, surroundings, with_users=options.seed)
    api_token = await issue_api_token(app.state.server)
    client = create_sample_app(settings.issuer, CLIENT_ID, surroundings.client_secret)
    await stack.enter_async_context(serving(app, listeners.server))
    await stack.enter_async_context(serving(client, listeners.sample_app))
    return Announcement(
        issuer=settings.issuer,
        directory=str(directory.path),
        has_accounts=options.seed,
        admin_link=await issue_admin_link(app.state.server),
        api_token=api_token,
        surroundings=surroundings,
    )


def _surroundings(directory: DemoDirectory, listeners: _Listeners) -> Surroundings:
    smtp_host, smtp_port = listeners.smtp.getsockname()
    return Surroundings(
        sample_app=f"http://localhost:{port_of(listeners.sample_app[0])}",
        client_secret=directory.secret("client-secret", new_secret),
        smtp_host=smtp_host,
        smtp_port=smtp_port,
    )


def _listen(options: DemoOptions, stack: AsyncExitStack) -> _Listeners:
    server = listen_on_localhost(options.port, "--port")
    stack.callback(_close, *server)
    sample_app = listen_on_localhost(options.app_port, "--app-port")
    stack.callback(_close, *sample_app)
    smtp = listen("127.0.0.1", options.smtp_port, "--smtp-port")
    stack.callback(_close, smtp)
    return _Listeners(server, sample_app, smtp)


def _close(*listeners: socket.socket) -> None:
    for listener in listeners:
        listener.close()


def _settings(directory: DemoDirectory, port: int) -> Settings:
    """Take the place of the deployment from the demo; the rest, such as IDP_PRODUCT_NAME, counts.

    So settings can be tried in a demo, and it never touches the database of a real deployment.
    """
    secret_key = directory.secret("secret-key", lambda: Fernet.generate_key().decode())
    return Settings.load(
        issuer=f"http://localhost:{port}",
        database_url=directory.database_url,
        secret_keys=[secret_key],
        host="127.0.0.1",
        port=port,
        dev_mailbox=True,
    )


@contextmanager
def _stop_signals() -> Iterator[asyncio.Event]:
    """Set the event when the process is asked to stop; asking again changes nothing."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(_number: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stopped.set)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
