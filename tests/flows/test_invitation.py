"""Somebody is invited, and accepts by a link in a mail."""

import re
from collections.abc import Callable

import pytest
from people import Person, Site
from sqlmodel import Session, select

from idp.accounts.invitations import invite
from idp.outbox import Outbox
from idp.storage.tables import MailedLink, User, now

EMAIL = "new@example.test"


def outbox(site: Site) -> Outbox:
    server = site.server
    return Outbox(server.settings, server.secrets, server.plugins, server.carrier.defer)


def invited(site: Site) -> str:
    """Invite the person and return the link of the mail, as a path."""
    site.work(invite, site.server.settings, outbox(site), EMAIL, "Lab <b>")
    [mail] = site.person().mails(EMAIL)
    assert mail.subject == "Your invitation to Lab <b>"
    found = re.search(r"http\S+(/links/\S+)", mail.text)
    assert found
    return found[1]


def addresses(session: Session) -> list[str]:
    return list(session.exec(select(User.email)))


def test_opening_the_link_does_nothing_and_pressing_the_button_makes_the_account(
    site: Site, person: Person
) -> None:
    link = invited(site)
    person.open(link)
    assert "Lab &lt;b&gt;" in person.page.text
    assert person.client.head(link).status_code == 200
    assert site.work(addresses) == []
    person.press("")
    assert person.page.url.path == "/account"
    assert site.work(lambda session: session.exec(select(User.email_verified)).one())
    assert person.open(link).status_code == 410


def test_a_second_press_of_the_button_makes_nothing(site: Site, person: Person) -> None:
    link = invited(site)
    person.open(link)
    person.press("")
    thief = site.person()
    assert thief.client.post(link).status_code == 410
    assert thief.open("/account").url.path == "/sign-in"


def test_who_has_an_account_still_signs_in_as_always(site: Site, person: Person) -> None:
    site.add_user(EMAIL)
    person.open(invited(site))
    person.press("")
    assert person.page.url.path == "/sign-in"
    assert f'value="{EMAIL}"' in person.page.text
    assert person.open("/account").url.path == "/sign-in"


def test_an_invitation_runs_out_and_its_token_is_not_stored(site: Site, person: Person) -> None:
    link = invited(site)

    def age(session: Session) -> str:
        row = session.exec(select(MailedLink)).one()
        row.expires_at = now()
        return repr(row)

    token = link.rpartition("/")[2]
    assert len(token) == 22  # 128 bits
    assert token not in site.work(age)
    assert person.open(link).status_code == 410


def test_where_accounts_have_passwords_the_invited_sets_one(make_site: Callable[..., Site]) -> None:
    site = make_site(sign_up_password=True)
    person = site.person()
    person.open(invited(site))
    person.press("")
    assert person.page.url.path == "/account/password"
    person.fill(new_password="four quiet herons wade")
    assert person.page.url.path == "/account"


def test_only_an_address_is_invited(site: Site) -> None:
    with pytest.raises(ValueError, match="must"):
        site.work(invite, site.server.settings, outbox(site), "nobody", "Lab")
