"""A server under test, and people who use its pages as HTML alone allows."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin

import httpx2
from sqlmodel import Session
from starlette.testclient import TestClient

from idp.accounts.passwords import Passwords
from idp.accounts.users import create_user
from idp.administration.audit import Actor
from idp.administration.sign_in_experience import change_experience
from idp.connector_kit.testing import MemoryEmailConnector, ReceivedEmail

if TYPE_CHECKING:
    from idp.app import Server

T = TypeVar("T")

ISSUER = "http://localhost:8000"

Inbox = Callable[[str], list[ReceivedEmail]]
"""Returns the mails that came to an address, oldest first."""


@dataclass
class Form:
    """One form of a page: where it goes and what it carries."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(values.get("action", "")))
        elif tag in {"input", "select"} and self.forms and "name" in values:
            self.forms[-1].fields[values["name"]] = values.get("value", "")


def verification_code_in(mail: ReceivedEmail) -> str:
    """Return the code of the domain-bound last line."""
    return mail.text.rstrip().rpartition("#")[2]


class Person:
    """Uses pages as HTML alone allows: reads them, fills their forms, follows their links."""

    def __init__(self, client: httpx2.Client, inbox: Inbox) -> None:
        self.client = client
        self.inbox = inbox
        self.page = httpx2.Response(204)

    def open(self, address: str) -> httpx2.Response:
        self.page = self.client.get(address)
        return self.page

    def fill(self, **values: str) -> httpx2.Response:
        """Fill and send the form that has these fields."""
        form = next(form for form in self.forms() if values.keys() <= form.fields.keys())
        return self._send(form, values)

    def press(self, path_end: str) -> httpx2.Response:
        """Send the form whose address ends like this."""
        form = next(form for form in self.forms() if form.action.endswith(path_end))
        return self._send(form, {})

    def sign_in(self, email: str, password: str) -> httpx2.Response:
        self.open("/sign-in/password")
        return self.fill(email=email, password=password)

    def mails(self, email: str, count: int = 1) -> list[ReceivedEmail]:
        """Wait until so many mails have come to an address."""
        for _ in range(200):
            found = self.inbox(email)
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{len(found)} mails instead of {count}")

    def verification_code(self, email: str, count: int = 1) -> str:
        """Read the code in the newest mail."""
        return verification_code_in(self.mails(email, count)[-1])

    def forms(self) -> list[Form]:
        reader = _Forms()
        reader.feed(self.page.text)
        return reader.forms

    def _send(self, form: Form, values: dict[str, str]) -> httpx2.Response:
        action = urljoin(str(self.page.url), form.action)
        self.page = self.client.post(action, data=form.fields | values)
        return self.page


class Site:
    """The server under test."""

    def __init__(self, client: TestClient, connector: type[MemoryEmailConnector]) -> None:
        self.client = client
        self.connector = connector
        self.server: Server = client.app.state.server  # type: ignore[attr-defined]

    def set_experience(self, **change: Any) -> None:
        """Save a change of the sign-in experience; the server obeys it at once."""
        self.work(change_experience, self.server, Actor("cli"), change)
        portal = self.client.portal
        assert portal
        portal.call(self.server.experience.refresh)

    def person(self, ip: str = "testclient") -> Person:
        """Return somebody with a browser of their own."""
        browser = TestClient(self.client.app, base_url=ISSUER, client=(ip, 50000))
        browser.portal = self.client.portal
        return Person(browser, self.inbox)

    def inbox(self, email: str) -> list[ReceivedEmail]:
        return [mail for mail in self.connector.sent if mail.recipient == email]

    def work(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run a unit of work."""
        assert self.client.portal
        unit = partial(self.server.database.run, function, *args, **kwargs)
        return self.client.portal.call(unit)

    def hash_password(self, password: str) -> str:
        """Hash a password as the server would."""
        assert self.client.portal
        passwords = Passwords(self.server.settings)
        return self.client.portal.call(passwords.hash, password)

    def add_user(self, email: str, password_hash: str | None = None) -> str:
        def add(session: Session) -> str:
            return create_user(session, email, password_hash=password_hash).id

        return self.work(add)
