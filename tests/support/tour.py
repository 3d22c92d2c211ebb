"""A walk through every page people see, with a stop at each."""

import re
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from people import verification_code_in
from playwright.sync_api import Page
from running_demo import RunningDemo

from idp.accounts.links import issue_link
from idp.accounts.sign_in_experience import save_experience
from idp.storage.tables import LinkPurpose

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
        yield from self._link_pages()
        yield from self._invitation_pages()
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
        for path in ("", "/profile", "/address", "/password", "/second-step", "/delete"):
            self.go(f"/account{path}")
            yield f"account{path}"
        self.send(email="somebody else")
        yield "another address than the account's"
        self.go("/account/confirm?next=/account/address")
        yield "confirm that it is you"
        self.send()
        self.mails += 1
        yield "code for the owner"

    def _link_pages(self) -> Iterator[str]:
        """Change the address; the notice to the old one has a link that undoes it."""
        before, mails = self.email, self.mails
        self.email, self.mails = f"new.{before}", 0
        self.go("/account/address")
        self.send_address()
        self.type_code()
        yield "address changed"
        notice = self.demo.wait_for_mail(before, mails + 1)
        found = re.search(r"/links/\S+", notice.text)
        assert found
        self.go(found[0])
        yield "link that undoes"

    def _invitation_pages(self) -> Iterator[str]:
        settings, lifetime = self.demo.settings, timedelta(hours=1)
        described = {"email": f"guest.{self.email}", "organization": "Lab of Long Names & Co"}
        link = self.demo.write(
            lambda session: issue_link(
                session, settings, LinkPurpose.INVITATION, lifetime, **described
            )
        ).removeprefix(self.issuer)
        self.go(link)
        yield "invitation"
        self._experience(termsOfUseUrl="https://example.test/terms", agreeToTermsPolicy="Manual")
        self.wait_until("/register", "I agree to the")
        yield "terms to agree to"
        self.send(email=self.email)
        yield "terms not agreed to"
        for path in (link, "/sign-in/password"):
            self.go(path)
            yield f"terms at {path.split('/')[1]}"
        self._experience(signInMode="SignIn", agreeToTermsPolicy="Automatic")
        self.wait_until("/register", "cannot be created here")
        yield "no new accounts"
        self._experience(signInMode="SignInAndRegister", termsOfUseUrl=None)
        self.wait_until("/register", "We send a code to this address")

    def _experience(self, **change: Any) -> None:
        settings = self.demo.settings
        self.demo.write(lambda session: save_experience(session, settings, change, can_mail=True))

    def wait_until(self, path: str, text: str) -> None:
        """Open a page again and again until it says something."""
        for _ in range(100):
            self.go(path)
            if text in self.page.content():
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{path} does not say {text!r}")

    def _goodbye_pages(self) -> Iterator[str]:
        self.go("/oidc/logout")
        yield "logout"
        self.send()
        yield "signed out"
        for path in ("/nowhere", "/links/bogus", "/sign-in?interaction=bogus", "/oidc/authorize"):
            self.go(path)
            yield path
