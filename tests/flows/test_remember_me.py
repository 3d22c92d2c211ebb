"""Whether a person stays signed in when the browser is closed."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from people import Person, Site
from sqlmodel import Session, select

from idp.storage.tables import BrowserSession, now

EMAIL = "alice@example.test"
PASSWORD = "four quiet herons wade"


def sign_in(site: Site, by: str, *, tick: bool) -> Person:
    """Sign in by `code` or `password`, with or without the tick; keep the cookies as they came."""
    site.add_user(EMAIL, site.hash_password(PASSWORD))
    person = site.person()
    ticked = {"remember": "on"} if tick else {}
    if by == "password":
        filled = {"email": EMAIL, "password": PASSWORD}
        person.client.post("/sign-in/password", data=filled | ticked)
    else:
        person.page = person.client.post("/sign-in", data={"email": EMAIL} | ticked)
        person.fill(verification_code=person.verification_code(EMAIL))
    return person


def lasts(person: Person) -> bool:
    [cookie] = [cookie for cookie in person.client.cookies.jar if cookie.name == "idp_session"]
    return not cookie.discard


@pytest.mark.parametrize("by", ["code", "password"])
@pytest.mark.parametrize("tick", [True, False])
def test_the_cookie_outlives_the_browser_if_the_person_says_so(
    site: Site, by: str, tick: bool
) -> None:
    assert lasts(sign_in(site, by, tick=tick)) is tick


@pytest.mark.parametrize(("rule", "remembered"), [("always", True), ("never", False)])
def test_where_the_settings_decide_nobody_is_asked(
    make_site: Callable[..., Site], rule: str, remembered: bool
) -> None:
    site = make_site(remember_me=rule)
    person = sign_in(site, "password", tick=not remembered)
    assert lasts(person) is remembered
    assert 'name="remember"' not in site.person().open("/sign-in").text


@pytest.mark.parametrize(("tick", "page"), [(True, "/account"), (False, "/sign-in")])
def test_an_unremembered_session_ends_after_an_hour_unused(
    site: Site, tick: bool, page: str
) -> None:
    person = sign_in(site, "password", tick=tick)

    def leave_alone(session: Session) -> None:
        row = session.exec(select(BrowserSession)).one()
        row.last_seen_at = now() - timedelta(minutes=61)

    site.work(leave_alone)
    assert person.open("/account").url.path == page
