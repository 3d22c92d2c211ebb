"""A walk through every page people see, with a stop at each."""

import secrets
from collections.abc import Iterator

from people import verification_code_in
from playwright.sync_api import Page
from running_demo import RunningDemo

OVERFLOWS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
"""Tells whether a page must be scrolled sideways."""

PASSWORD = "four quiet herons wade"


class Tour:
    """Somebody who visits every page in a browser, and makes each mistake a page knows."""

    def __init__(self, page: Page, demo: RunningDemo) -> None:
        self.page = page
        self.demo = demo
        self.issuer = demo.ready["issuer"]
        self.email = f"walker.with.a.long.name.{secrets.token_hex(4)}@example.test"
        self.mails = 0
        self.has_script = True

    def stops(self) -> Iterator[str]:
        """Yield the name of each page while it is open."""
        yield from self._entry_pages()
        yield from self._code_pages()
        yield from self._password_pages()
        yield from self._account_pages()
        yield from self._goodbye_pages()

    def go(self, path: str) -> None:
        self.page.goto(self.issuer + path)

    def send(self, **fields: str) -> None:
        """Fill fields and press the main button of the page."""
        for name, value in fields.items():
            self.page.locator(f"main [name={name}]").fill(value)
        self.page.locator("main form button").first.click()
        self.page.wait_for_load_state()

    def give_address(self, path: str) -> None:
        self.go(path)
        self.send_address()

    def send_address(self) -> None:
        self.send(email=self.email)
        self.mails += 1

    def code(self) -> str:
        return verification_code_in(self.demo.wait_for_mail(self.email, self.mails))

    def type_code(self) -> None:
        """Type the code; the page goes on by itself."""
        with self.page.expect_navigation():
            self.page.locator("[name=verification_code]").fill(self.code())

    def _entry_pages(self) -> Iterator[str]:
        for path in ("/sign-in", "/register", "/forgot-password", "/sign-in/password"):
            self.go(path)
            yield path
        self.page.locator("summary").click()
        yield "languages"
        self.go("/sign-in")
        self.send(email="no address")
        yield "no address"
        self.go("/sign-in/password")
        self.send(email=self.email, password="wrong")
        yield "wrong password"

    def _code_pages(self) -> Iterator[str]:
        self.give_address("/sign-in")
        yield "code"
        right = self.code()
        for number in range(5):
            with self.page.expect_navigation():
                wrong = "000000" if right != "000000" else "111111"
                self.page.locator("[name=verification_code]").fill(wrong)
            if number in {0, 4}:
                yield f"wrong code {number + 1}"
        self.give_address("/sign-in")
        self.type_code()
        yield "no account yet"
        self.send()
        yield "account without password"

    def _password_pages(self) -> Iterator[str]:
        self.give_address("/forgot-password")
        self.type_code()
        yield "new password"
        self.send(new_password="password")
        yield "weak password"
        self.send(new_password=PASSWORD)
        yield "password changed"
        self.send(email=self.email, password=PASSWORD)
        self.mails += 1  # the notice that it was changed

    def _account_pages(self) -> Iterator[str]:
        for path in ("", "/profile", "/address", "/password", "/delete"):
            self.go(f"/account{path}")
            yield f"account{path}"
        self.send(email="somebody else")
        yield "another address than the account's"
        self.go("/account/confirm?next=/account/address")
        yield "confirm that it is you"
        self.send()
        self.mails += 1
        yield "code for the owner"

    def _goodbye_pages(self) -> Iterator[str]:
        self.go("/oidc/logout")
        yield "logout"
        self.send()
        yield "signed out"
        for path in ("/nowhere", "/links/bogus", "/sign-in?interaction=bogus", "/oidc/authorize"):
            self.go(path)
            yield path
