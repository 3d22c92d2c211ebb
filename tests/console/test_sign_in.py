"""Who gets into the console, and what is kept of those who do not."""

import pytest
from administrator import Administrator
from people import Site
from sqlmodel import Session, update

from idp.administration.audit import Filter, entries
from idp.console.client import CLIENT_ID
from idp.storage.tables import BrowserSession, Client, MailedLink, User, now

PASSWORD = "four quiet herons wade"


def set_roles(session: Session, roles: list[str]) -> None:
    session.exec(update(User).values(roles=roles))


def sign_in_long_ago(session: Session) -> None:
    session.exec(update(BrowserSession).values(auth_time=now().replace(year=2020)))


def expire_links(session: Session) -> None:
    session.exec(update(MailedLink).values(expires_at=now().replace(year=2020)))


def test_opening_the_link_changes_nothing_and_its_button_opens_the_console(
    site: Site, link: str
) -> None:
    person = site.person()
    assert person.open(link).status_code == 200
    assert person.open("/console").url.path == "/sign-in"
    person.open(link)
    page = person.press("")
    assert (page.url.path, page.status_code) == ("/console", 200)
    assert "root@example.test" in page.text


def test_the_link_works_once_and_the_second_use_is_recorded(
    site: Site, administrator: Administrator, link: str
) -> None:
    page = site.person().client.post(link)
    assert page.status_code == 410
    assert "idp admin-link" in page.text
    assert [entry.refused for entry in administrator.log("administrator.accept")] == [True, False]


def test_a_link_that_ran_out_is_refused_and_recorded(site: Site, link: str) -> None:
    site.work(expire_links)
    assert site.person().client.post(link).status_code == 410
    [entry] = site.work(entries, Filter(action="administrator.accept"))
    assert entry.refused
    assert entry.details == {"path": ""}


def test_the_link_is_no_link_of_the_user_pages(site: Site, link: str) -> None:
    link_token = link.rpartition("/")[2]
    assert site.person().client.post(f"/links/{link_token}").status_code == 410
    person = site.person()
    person.open(link)
    assert person.press("").url.path == "/console"


def test_a_person_without_the_role_is_refused_and_recorded(
    site: Site, administrator: Administrator
) -> None:
    site.add_user("alice@example.test", site.hash_password(PASSWORD))
    person = site.person()
    person.sign_in("alice@example.test", PASSWORD)
    page = person.open("/console/connectors")
    assert page.status_code == 403
    assert "alice@example.test" in page.text
    [entry] = administrator.log("console.open")
    assert (entry.refused, entry.details) == (True, {"path": "/console/connectors"})


def test_a_role_taken_away_closes_the_console_with_the_next_click(
    site: Site, administrator: Administrator
) -> None:
    site.work(set_roles, [])
    assert administrator.person.open("/console").status_code == 403


def test_a_sign_in_leads_to_the_page_that_was_asked_for(
    site: Site, administrator: Administrator
) -> None:
    person = administrator.person
    del person.client.cookies["idp_console"]
    page = person.open("/console/deliveries")
    assert (page.url.path, page.status_code) == ("/console/deliveries", 200)


def test_who_signed_in_long_ago_signs_in_again(site: Site, administrator: Administrator) -> None:
    site.work(sign_in_long_ago)
    assert administrator.person.open("/console").url.path == "/sign-in"


def test_signing_out_of_the_account_closes_the_console(administrator: Administrator) -> None:
    administrator.person.client.post("/account/sign-out")
    assert administrator.person.open("/console").url.path == "/sign-in"


@pytest.mark.parametrize("query", ["", "?code=x&state=y", "?error=access_denied"])
def test_an_answer_nobody_asked_for_signs_nobody_in(site: Site, query: str) -> None:
    person = site.person()
    assert person.open(f"/console/callback{query}").status_code == 400
    assert "idp_console" not in person.client.cookies


def test_a_sign_in_cannot_be_finished_in_another_browser(
    site: Site, administrator: Administrator
) -> None:
    del administrator.person.client.cookies["idp_console"]
    client = administrator.person.client
    answer = client.get("/console/sign-in", follow_redirects=False)
    answer = client.get(answer.headers["Location"], follow_redirects=False)
    callback = answer.headers["Location"]
    assert "code=" in callback
    assert site.person().open(callback).status_code == 400


@pytest.mark.parametrize("path", ["//evil.example", "/account", "/console@evil.example"])
def test_a_sign_in_leads_nowhere_else(administrator: Administrator, path: str) -> None:
    del administrator.person.client.cookies["idp_console"]
    assert administrator.person.open(f"/console/sign-in?next={path}").url.path == "/console"


def test_a_forged_form_is_refused_and_recorded(administrator: Administrator) -> None:
    forged = {"Sec-Fetch-Site": "cross-site"}
    answer = administrator.person.client.post("/console/connectors/x/remove", headers=forged)
    assert answer.status_code == 403
    [entry] = administrator.log("console.forged_request")
    assert (entry.refused, entry.details) == (True, {"path": "/console/connectors/x/remove"})


def test_a_flood_of_forged_forms_does_not_fill_the_log(administrator: Administrator) -> None:
    for _ in range(20):
        administrator.person.client.post(
            "/console/sign-out", headers={"Sec-Fetch-Site": "cross-site"}
        )
    assert len(administrator.log("console.forged_request")) <= 2


def test_the_console_is_a_public_client_that_comes_back_to_one_address(site: Site) -> None:
    client = site.work(lambda session: session.get_one(Client, CLIENT_ID))
    assert client.redirect_uris == ["http://localhost:8000/console/callback"]
    assert (client.token_endpoint_auth_method, client.scope) == ("none", "openid")


def test_pages_allow_no_script_but_their_own_and_no_markup_from_text(
    administrator: Administrator,
) -> None:
    policy = administrator.person.open("/console").headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    assert "unsafe" not in policy
