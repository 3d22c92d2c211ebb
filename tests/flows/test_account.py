"""The account page: who sees it, sessions, applications, name and language."""

from datetime import timedelta

import pytest
from people import Person, Site
from sqlmodel import Session, col, select

from idp.storage.tables import AccessToken, BrowserSession, Client, Grant, RefreshToken, User, now

EMAIL = "alice@example.test"
PASSWORD = "four quiet herons wade"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PAGES = ("", "/profile", "/address", "/password", "/delete", "/confirm")
FORMS = (*PAGES[1:], "/sessions/end", "/sessions/end-others", "/applications/end")


@pytest.fixture(autouse=True)
def alice(site: Site) -> str:
    return site.add_user(EMAIL, site.hash_password(PASSWORD))


@pytest.fixture
def signed_in(person: Person) -> Person:
    person.sign_in(EMAIL, PASSWORD)
    return person


def grant(session: Session, user_id: str, session_id: str | None, scope: str) -> None:
    if session.get(Client, "wiki") is None:
        session.add(Client(id="wiki", name="Wiki <b>", redirect_uris=[]))
        session.flush()
    granted = Grant(
        client_id="wiki", user_id=user_id, session_id=session_id, scope=scope, auth_time=now()
    )
    session.add(granted)
    session.flush()
    end = now() + timedelta(hours=1)
    key = granted.id
    session.add(
        AccessToken(
            client_id="wiki", fingerprint=f"a{key}", grant_id=key, scope=scope, expires_at=end
        )
    )
    session.add(RefreshToken(fingerprint=f"r{key}", grant_id=key, expires_at=end))


def revoked_scopes(session: Session) -> list[str]:
    statement = select(Grant.scope).where(col(Grant.revoked_at).is_not(None))
    return sorted(session.exec(statement))


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_asked_to_sign_in(person: Person, page: str) -> None:
    assert person.open(f"/account{page}").url.path == "/sign-in"


@pytest.mark.parametrize("form", FORMS)
def test_a_stranger_changes_nothing(person: Person, form: str) -> None:
    assert person.client.post(f"/account{form}", data={"email": EMAIL}).url.path == "/sign-in"


@pytest.mark.parametrize("form", FORMS)
def test_a_form_from_another_site_is_refused(signed_in: Person, form: str) -> None:
    forged = {"Sec-Fetch-Site": "cross-site"}
    assert signed_in.client.post(f"/account{form}", headers=forged).status_code == 403


@pytest.mark.parametrize("page", PAGES)
def test_no_page_of_an_account_is_kept_by_caches(signed_in: Person, page: str) -> None:
    assert signed_in.open(f"/account{page}").headers["Cache-Control"] == "no-store"
    assert signed_in.page.status_code == 200


def test_it_shows_where_a_person_is_signed_in_and_ends_one_session(
    site: Site, signed_in: Person
) -> None:
    phone = site.person()
    phone.client.headers["User-Agent"] = FIREFOX
    phone.sign_in(EMAIL, PASSWORD)
    page = signed_in.open("/account").text
    assert page.count("this browser") == 1
    assert "Firefox, Linux" in page
    signed_in.press("/sessions/end")
    assert "Signed out." in signed_in.page.text
    assert "Firefox" not in signed_in.page.text
    assert phone.open("/account").url.path == "/sign-in"
    assert signed_in.open("/account").url.path == "/account"


def test_it_ends_every_session_but_this(site: Site, signed_in: Person) -> None:
    others = [site.person() for _ in range(2)]
    for other in others:
        other.sign_in(EMAIL, PASSWORD)
    signed_in.open("/account")
    signed_in.press("/sessions/end-others")
    assert [other.open("/account").url.path for other in others] == ["/sign-in"] * 2
    assert signed_in.page.url.path == "/account"


def test_nobody_ends_the_session_of_another_person(site: Site, signed_in: Person) -> None:
    site.add_user("bob@example.test", site.hash_password(PASSWORD))
    bob = site.person()
    bob.sign_in("bob@example.test", PASSWORD)
    ids = site.work(lambda session: session.exec(select(BrowserSession.id)).all())
    for session_id in ids:
        bob.client.post("/account/sessions/end", data={"session": session_id})
    assert signed_in.open("/account").url.path == "/account"


def test_applications_are_listed_and_can_be_stopped(
    site: Site, signed_in: Person, alice: str
) -> None:
    site.work(grant, alice, None, "openid email")
    site.work(grant, alice, None, "openid offline_access")
    page = signed_in.open("/account").text
    assert page.count("Wiki &lt;b&gt;") == 1
    assert "email offline_access openid" in page
    signed_in.press("/applications/end")
    assert "Wiki" not in signed_in.page.text
    assert site.work(revoked_scopes) == ["openid email", "openid offline_access"]


@pytest.mark.parametrize(
    ("ending", "revoked"),
    [("here", ["openid"]), ("elsewhere", ["openid", "openid offline_access"])],
)
def test_what_was_granted_in_a_session_ends_with_it(
    site: Site, signed_in: Person, alice: str, ending: str, revoked: list[str]
) -> None:
    """OIDC Core §11: offline access outlives signing out, but not being thrown out."""
    session_id = site.work(lambda session: session.exec(select(BrowserSession.id)).one())
    for scope in ("openid", "openid offline_access"):
        site.work(grant, alice, session_id, scope)
    if ending == "here":
        signed_in.open("/account")
        signed_in.press("/sign-out")
    else:
        other = site.person()
        other.sign_in(EMAIL, PASSWORD)
        other.press("/sessions/end")
    assert site.work(revoked_scopes) == revoked


def test_a_name_is_saved_as_standard_claims_and_one_left_out_is_forgotten(
    site: Site, signed_in: Person
) -> None:
    signed_in.open("/account/profile")
    signed_in.fill(name="  Alice\r\n<Adams> ", given_name="Alice", locale="de")
    assert "Alice &lt;Adams&gt;" in signed_in.page.text
    user = site.work(lambda session: session.exec(select(User)).one())
    assert user.claims == {"name": "Alice <Adams>", "given_name": "Alice"}
    signed_in.open("/account/profile")
    signed_in.fill(name="", given_name="Alice", locale="de")
    user = site.work(lambda session: session.exec(select(User)).one())
    assert user.claims == {"given_name": "Alice"}


def test_the_chosen_language_is_the_one_of_the_pages(site: Site, signed_in: Person) -> None:
    signed_in.open("/account/profile")
    signed_in.fill(name="", locale="de")
    assert signed_in.page.headers["Content-Language"] == "de"
    signed_in.client.post("/account/profile", data={"locale": "tlh"})
    assert site.work(lambda session: session.exec(select(User.locale)).one()) == "de"
