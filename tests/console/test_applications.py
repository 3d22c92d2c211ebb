"""Applications at the console: registered, changed, given secrets, removed."""

import html
import re
from typing import Any

import pytest
from administrator import Administrator

from idp.administration.applications import application, secrets
from idp.console.client import CLIENT_ID
from idp.storage.tables import Client

NEW = "/console/applications/new"
CALLBACK = "https://wiki.example.com/callback"
WIKI = {"name": "Wiki", "type": "Traditional", "redirect_uris": CALLBACK}


def post(administrator: Administrator, path: str, **fields: str) -> Any:
    return administrator.person.client.post(path, data=fields)


def secret_in(page: Any) -> str:
    found = re.search(r'id="secret" class="mono" readonly value="([^"]+)"', page.text)
    return html.unescape(found[1]) if found else ""


def added(administrator: Administrator, **fields: str) -> str:
    """Register an application and return its client_id."""
    page = post(administrator, NEW, **WIKI | fields)
    assert page.status_code == 200
    [entry] = administrator.log("application.create")
    assert entry.target_id
    return entry.target_id


def stored(administrator: Administrator, client_id: str) -> Client:
    return administrator.site.work(application, client_id)


def token_status(administrator: Administrator, client_id: str, secret: str) -> int:
    form = {"grant_type": "client_credentials"}
    client = administrator.site.client
    return int(client.post("/oidc/token", data=form, auth=(client_id, secret)).status_code)


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("Traditional", "client_secret_basic"),
        ("SPA", "none"),
        ("Native", "none"),
        ("MachineToMachine", "client_secret_basic"),
    ],
)
def test_an_application_of_each_kind_is_registered(
    administrator: Administrator, kind: str, method: str
) -> None:
    page = post(administrator, NEW, **WIKI | {"type": kind})
    assert bool(secret_in(page)) is (method == "client_secret_basic")
    [entry] = administrator.log("application.create")
    assert stored(administrator, entry.target_id or "").token_endpoint_auth_method == method
    assert "Wiki" in administrator.person.open("/console/applications").text


def test_a_secret_is_shown_once_and_works(administrator: Administrator) -> None:
    secret = secret_in(post(administrator, NEW, name="Job", type="MachineToMachine"))
    [entry] = administrator.log("application.create")
    client_id = entry.target_id or ""
    assert token_status(administrator, client_id, secret) == 200
    for path in (f"/console/applications/{client_id}", "/console/audit"):
        assert secret not in administrator.person.open(path).text


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", " "),
        ("redirect_uris", "http://wiki.example.com/callback"),
        ("redirect_uris", f"{CALLBACK}\nhttps://*.example.com/"),
        ("post_logout_redirect_uris", "wiki"),
        ("backchannel_logout_uri", "com.example.app:/logout"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_recorded(
    administrator: Administrator, field: str, typed: str
) -> None:
    client_id = added(administrator)
    for path in (NEW, f"/console/applications/{client_id}"):
        page = post(administrator, path, **WIKI | {field: typed})
        assert page.status_code == 422
        assert re.findall(r'id="(\w+)-problem"', page.text) == [field]
    assert stored(administrator, client_id).redirect_uris == [CALLBACK]
    assert administrator.log("application.create")[0].refused
    assert [entry.refused for entry in administrator.log("application.update")] == [True]


def test_settings_are_changed_and_taken_away(administrator: Administrator) -> None:
    client_id = added(administrator, backchannel_logout_uri="https://wiki.example.com/out")
    path = f"/console/applications/{client_id}"
    uris = f"{CALLBACK}\r\n\r\n  http://localhost:3000/callback  "
    page = post(administrator, path, name="Notes", redirect_uris=uris, third_party="on")
    assert "Saved." in page.text
    client = stored(administrator, client_id)
    assert client.redirect_uris == [CALLBACK, "http://localhost:3000/callback"]
    assert (client.name, client.first_party) == ("Notes", False)
    assert client.backchannel_logout_uri is None


def test_a_machine_is_let_into_the_management_api(administrator: Administrator) -> None:
    client_id = added(administrator, type="MachineToMachine", redirect_uris="", third_party="on")
    path = f"/console/applications/{client_id}"
    post(administrator, path, name="Script", type="MachineToMachine", scope=" all ")
    client = stored(administrator, client_id)
    assert (client.name, client.scope, client.first_party) == ("Script", "all", False)


@pytest.mark.parametrize(("others", "status"), [("now", 401), ("day", 200), ("keep", 200)])
def test_a_secret_is_replaced(administrator: Administrator, others: str, status: int) -> None:
    old = secret_in(post(administrator, NEW, name="Job", type="MachineToMachine"))
    client_id = administrator.log("application.create")[0].target_id or ""
    path = f"/console/applications/{client_id}/secrets"
    new = secret_in(post(administrator, path, others=others))
    assert token_status(administrator, client_id, new) == 200
    assert token_status(administrator, client_id, old) == status


def test_a_secret_is_ended_at_once(administrator: Administrator) -> None:
    secret = secret_in(post(administrator, NEW, name="Job", type="MachineToMachine"))
    client_id = administrator.log("application.create")[0].target_id or ""
    [row] = administrator.site.work(secrets, client_id)
    page = post(administrator, f"/console/applications/{client_id}/secrets/{row.id}/end")
    assert "The secret has ended." in page.text
    assert token_status(administrator, client_id, secret) == 401


def test_a_public_application_gets_no_secret(administrator: Administrator) -> None:
    path = f"/console/applications/{added(administrator, type='SPA')}"
    page = post(administrator, f"{path}/secrets", others="now")
    assert page.status_code == 422
    assert administrator.log("application.secret.create")[0].refused


def test_an_application_is_removed(administrator: Administrator) -> None:
    path = f"/console/applications/{added(administrator)}"
    assert "Removed" in post(administrator, f"{path}/remove").text
    assert administrator.person.open(path).status_code == 404
    assert post(administrator, f"{path}/remove").status_code == 404
    assert [entry.refused for entry in administrator.log("application.delete")] == [True, False]


@pytest.mark.parametrize("action", ["", "/remove"])
def test_the_console_itself_stays_as_it_is(administrator: Administrator, action: str) -> None:
    page = post(administrator, f"/console/applications/{CLIENT_ID}{action}", name="Other")
    assert page.status_code == 422
    assert stored(administrator, CLIENT_ID).name == "Console"


def test_the_list_goes_on_page_by_page(administrator: Administrator) -> None:
    for number in range(50):
        post(administrator, NEW, name=f"Application {number}", type="SPA")
    first = administrator.person.open("/console/applications").text
    second = administrator.person.open("/console/applications?page=2").text
    assert "Older" in first
    assert "this console" in second
    assert "Newer" in second
