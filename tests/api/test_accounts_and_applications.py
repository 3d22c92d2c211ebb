"""Users, applications and invitations at the API."""

from typing import Any

import pytest

from tests.api.conftest import Api


@pytest.fixture
def user(api: Api) -> dict[str, Any]:
    body = {"primaryEmail": "alice@example.com", "name": "Alice", "password": "secret-of-alice"}
    answer = api("POST", "/users", json=body)
    assert answer.status_code == 200
    created: dict[str, Any] = answer.json()
    return created


def test_a_user_is_shown_without_the_password(api: Api, user: dict[str, Any]) -> None:
    shown = api("GET", f"/users/{user['id']}").json()
    assert (shown["primaryEmail"], shown["name"]) == ("alice@example.com", "Alice")
    assert shown["hasPassword"]
    assert "argon2" not in str(shown)


def test_an_address_that_is_taken_is_refused(api: Api, user: dict[str, Any]) -> None:
    answer = api("POST", "/users", json={"primaryEmail": "ALICE@example.com"})
    assert (answer.status_code, answer.json()["code"]) == (422, "user.email_already_in_use")


def test_a_profile_is_changed_claim_by_claim(api: Api, user: dict[str, Any]) -> None:
    path = f"/users/{user['id']}"
    change = {"name": None, "profile": {"givenName": "Alice", "familyName": "Liddell"}}
    changed = api("PATCH", path, json=change).json()
    assert changed["name"] is None
    assert changed["profile"] == {"givenName": "Alice", "familyName": "Liddell"}


def test_a_user_is_suspended_and_let_in_again(api: Api, user: dict[str, Any]) -> None:
    path = f"/users/{user['id']}/is-suspended"
    assert api("PATCH", path, json={"isSuspended": True}).json()["isSuspended"]
    assert not api("PATCH", path, json={"isSuspended": False}).json()["isSuspended"]


def test_a_deleted_user_is_gone_and_that_is_logged(api: Api, user: dict[str, Any]) -> None:
    path = f"/users/{user['id']}"
    assert api("DELETE", path).status_code == 204
    assert api("GET", path).status_code == 404
    log = api("GET", "/logs?logKey=user.delete").json()[0]
    assert log["payload"]["target"] == {"type": "user", "id": user["id"]}
    assert log["payload"]["applicationId"] == "script"
    assert api("GET", f"/logs/{log['id']}").json() == log


@pytest.mark.parametrize(
    ("search", "found"), [("lice", 1), ("alice%", 1), ("_lice", 0), ("bob", 0)]
)
def test_users_are_found_by_part_of_an_address(
    api: Api, user: dict[str, Any], search: str, found: int
) -> None:
    answer = api("GET", "/users", params={"search": search})
    assert (len(answer.json()), answer.headers["total-number"]) == (found, str(found))


def test_pages_name_their_neighbours(api: Api) -> None:
    for number in range(5):
        api("POST", "/users", json={"primaryEmail": f"person{number}@example.com"})
    answer = api("GET", "/users?page=2&page_size=2")
    assert len(answer.json()) == 2
    pages = {name: link["url"].rpartition("page=")[0] for name, link in answer.links.items()}
    assert pages.keys() == {"first", "prev", "next", "last"}
    assert "page=3&page_size=2" in answer.links["next"]["url"]


def test_the_secret_of_an_application_is_shown_once(api: Api) -> None:
    uris = {"redirectUris": ["https://wiki.example.com/callback"]}
    body = {"name": "Wiki", "type": "Traditional", "oidcClientMetadata": uris}
    created = api("POST", "/applications", json=body).json()
    shown = api("GET", f"/applications/{created['id']}").json()
    assert created["secret"]
    assert shown["secret"] is None
    assert shown["oidcClientMetadata"]["redirectUris"] == uris["redirectUris"]


def test_a_secret_is_replaced_in_peace(api: Api) -> None:
    created = api("POST", "/applications", json={"name": "Job", "type": "MachineToMachine"}).json()
    path = f"/applications/{created['id']}/secrets"
    old = api("GET", path).json()[0]["name"]
    new = api("POST", path, json={"name": "new"})
    assert new.status_code == 201
    assert api("DELETE", f"{path}/{old}").status_code == 204
    left = api("GET", path).json()
    assert [(each["name"], each["value"]) for each in left] == [(new.json()["name"], None)]


def test_an_unsafe_redirect_uri_is_refused(api: Api) -> None:
    uris = {"redirectUris": ["http://wiki.example.com/callback"]}
    body = {"name": "Wiki", "type": "SPA", "oidcClientMetadata": uris}
    assert api("POST", "/applications", json=body).status_code == 422


def test_an_invitation_is_sent_and_revoked(api: Api) -> None:
    body = {"invitee": "bob@example.com", "organizationId": "Readers"}
    sent = api("POST", "/organization-invitations", json=body)
    assert (sent.status_code, sent.json()["status"]) == (201, "Pending")
    path = f"/organization-invitations/{sent.json()['id']}"
    assert api("PUT", f"{path}/status", json={"status": "Revoked"}).status_code == 200
    assert api("GET", path).json()["status"] == "Expired"
