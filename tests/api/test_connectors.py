"""Connectors at the API: Logto's shapes and status codes, and secrets that never come out."""

from typing import Any

import pytest
from sqlmodel import select

from idp.administration.connector_secrets import UNCHANGED
from idp.connectors import list_connectors
from idp.storage import Secrets
from idp.storage.tables import AuditEntry
from tests.api.conftest import PASSWORD, SMTP, Api, smtp_config


def _create(api: Api, query: str = "", **changes: object) -> dict[str, Any]:
    body = {"connectorId": SMTP, "config": smtp_config(**changes)}
    answer = api("POST", f"/connectors{query}", json=body)
    assert answer.status_code == 200, answer.text
    created: dict[str, Any] = answer.json()
    return created


def _saved(api: Api, secrets: Secrets) -> list[dict[str, Any]]:
    rows = api.work(list_connectors)
    return [secrets.open_json(row.config) for row in rows]


def test_a_created_connector_comes_back_without_its_password(api: Api, secrets: Secrets) -> None:
    created = _create(api)
    assert created["connectorId"] == SMTP
    assert (created["type"], created["target"]) == ("Email", "smtp")
    assert created["config"]["auth"] == {"type": "login", "user": "mailer", "pass": UNCHANGED}
    assert _saved(api, secrets)[0]["auth"]["pass"] == PASSWORD


def test_the_password_is_in_no_answer_about_the_connector(api: Api) -> None:
    path = f"/connectors/{_create(api)['id']}"
    answers = [
        api("GET", "/connectors"),
        api("GET", path),
        api("PATCH", path, json={"config": {"replyTo": "a@example.com"}}),
        api("PATCH", path, json={"config": {"prot": PASSWORD, "auth": PASSWORD}}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400]
    assert not any(PASSWORD in answer.text for answer in answers)


def test_posting_the_same_factory_again_replaces(api: Api) -> None:
    first, second = _create(api), _create(api, host="other.example.com")
    assert first["id"] == second["id"]
    assert [each["config"]["host"] for each in api("GET", "/connectors").json()] == [
        "other.example.com"
    ]


def test_append_adds_an_instance_that_sends_when_the_first_cannot(api: Api) -> None:
    first, second = _create(api), _create(api, "?append=true", host="other.example.com")
    ids = [each["id"] for each in api("GET", "/connectors").json()]
    assert ids == [first["id"], second["id"]]


def test_the_order_of_failover_can_be_set(api: Api) -> None:
    first, second = _create(api), _create(api, "?append=true")
    moved = api("PATCH", f"/connectors/{second['id']}", json={"position": 0})
    assert moved.json()["position"] == 0
    ids = [each["id"] for each in api("GET", "/connectors").json()]
    assert ids == [second["id"], first["id"]]


def test_a_patch_merges_and_the_sentinel_keeps_the_password(api: Api, secrets: Secrets) -> None:
    created = _create(api, replyTo="help@example.com")
    auth = {**created["config"]["auth"], "user": "postmaster"}
    config = {"auth": auth, "replyTo": None}
    answer = api("PATCH", f"/connectors/{created['id']}", json={"config": config})
    assert answer.status_code == 200
    saved = _saved(api, secrets)[0]
    assert saved["auth"] == {"type": "login", "user": "postmaster", "pass": PASSWORD}
    assert "replyTo" not in saved
    assert saved["host"] == "mail.example.com"


def test_a_sentinel_that_stands_for_nothing_is_refused(api: Api) -> None:
    body = {"connectorId": SMTP, "config": smtp_config(auth={"user": "a", "pass": UNCHANGED})}
    answer = api("POST", "/connectors", json=body)
    assert answer.status_code == 400
    assert answer.json()["data"]["problems"] == {"auth.pass": "is required"}


def test_an_unknown_key_is_named_with_the_nearest_known_one(api: Api) -> None:
    body = {"connectorId": SMTP, "config": smtp_config(replayTo="a@example.com")}
    answer = api("POST", "/connectors", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "connector.invalid_config")
    assert "replyTo" in answer.json()["data"]["problems"]["replayTo"]


def test_an_unknown_factory_is_refused_as_by_logto(api: Api) -> None:
    answer = api("POST", "/connectors", json={"connectorId": "pigeon", "config": {}})
    assert answer.status_code == 422
    assert answer.json()["code"] == "connector.not_found_with_connector_id"


def test_the_last_connector_stays_while_people_get_codes_by_mail(api: Api) -> None:
    answer = api("DELETE", f"/connectors/{_create(api)['id']}")
    assert (answer.status_code, answer.json()["code"]) == (422, "connector.in_use")


def test_a_connector_beside_another_can_be_deleted(api: Api) -> None:
    _create(api)
    path = f"/connectors/{_create(api, '?append=true')['id']}"
    assert api("DELETE", path).status_code == 204
    assert api("GET", path).status_code == 404
    assert api("DELETE", path).status_code == 404


def test_factories_tell_how_to_draw_a_form(api: Api) -> None:
    factory = api("GET", f"/connector-factories/{SMTP}").json()
    fields = {field["key"]: field for field in factory["formItems"]}
    assert fields["port"]["type"] == "Number"
    assert fields["secure"]["type"] == "Switch"
    assert fields["auth"]["type"] == "Json"
    assert fields["fromEmail"]["required"]
    assert api("GET", "/connector-factories/pigeon").status_code == 404
    listed = api("GET", "/connector-factories").json()
    assert SMTP in [each["id"] for each in listed]


def test_every_change_is_audited_without_the_values(api: Api) -> None:
    path = f"/connectors/{_create(api)['id']}"
    api("PATCH", path, json={"config": {"port": 465, "auth": {"user": "b", "pass": "new-secret"}}})
    entries = api.work(lambda session: session.exec(select(AuditEntry)).all())
    assert [entry.action for entry in entries] == ["connector.create", "connector.update"]
    assert entries[1].details == {"connectorId": SMTP, "changed": ["auth", "port"]}
    assert entries[1].actor_id == "script"


@pytest.mark.parametrize(
    "change",
    [
        {"host": "elsewhere.example.com"},
        {"port": 25},
        {"ignoreTLS": True},
        {"tls": {"rejectUnauthorized": False}},
        {"proxy": "socks5://elsewhere.example.com:1080"},
    ],
)
def test_a_saved_password_goes_nowhere_else(
    api: Api, secrets: Secrets, change: dict[str, Any]
) -> None:
    created = _create(api)
    before = _saved(api, secrets)
    whole = {**created["config"], **change}
    test = {"email": "me@example.com", "config": whole}
    answers = [
        api("PATCH", f"/connectors/{created['id']}", json={"config": change}),
        api("POST", "/connectors", json={"connectorId": SMTP, "config": whole}),
        api("POST", f"/connectors/{SMTP}/test", json=test),
    ]
    assert [answer.status_code for answer in answers] == [400, 400, 400]
    for answer in answers:
        assert "auth.pass" in answer.json()["data"]["problems"]
    assert _saved(api, secrets) == before


def test_a_password_sent_again_may_go_where_it_is_told(api: Api, secrets: Secrets) -> None:
    created = _create(api)
    config = {"host": "new.example.com", "auth": {"user": "mailer", "pass": PASSWORD}}
    answer = api("PATCH", f"/connectors/{created['id']}", json={"config": config})
    assert answer.status_code == 200
    assert _saved(api, secrets)[0]["host"] == "new.example.com"
