"""Every error of the API has one form."""

import pytest

from tests.api.conftest import Api


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "entity.not_found"),
        ("GET", "/no%0Athing", 404, "entity.not_found"),
        ("GET", "/users/nobody", 404, "entity.not_found"),
        ("DELETE", "/plugins", 405, "request.method_not_allowed"),
        ("GET", "/users?page=0", 400, "guard.invalid_pagination"),
        ("GET", "/deliveries?state=lost", 400, "guard.invalid_input"),
    ],
)
def test_an_error_has_a_code_and_a_sentence(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    answer = api(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"].endswith(".")


def test_a_wrong_method_is_told_every_right_one(api: Api) -> None:
    assert api("PUT", "/users").headers["allow"] == "GET, POST"


def test_what_was_sent_is_not_repeated(api: Api) -> None:
    answer = api("POST", "/users", json={"password": ["a secret"], "primaryEmail": 1})
    assert answer.json()["data"]["problems"].keys() == {"password", "primaryEmail"}
    assert "a secret" not in answer.text


def test_half_a_character_is_a_bad_request(api: Api) -> None:
    body = b'{"connectorId": "http-email", "config": {"endpoint": "\\ud800"}}'
    headers = {"Content-Type": "application/json"}
    assert api("POST", "/connectors", content=body, headers=headers).status_code == 400


def test_a_refused_change_is_in_the_audit_log_and_a_refused_question_is_not(api: Api) -> None:
    assert api("GET", "/users/nobody").status_code == 404
    assert api("DELETE", "/users/nobody").status_code == 404
    [log] = api("GET", "/logs?logKey=api.call").json()
    payload = log["payload"]
    assert (payload["result"], payload["applicationId"]) == ("Error", "script")
    assert payload["details"] == {
        "method": "DELETE",
        "path": "/users/{userId}",
        "reason": "entity.not_found",
        "userId": "nobody",
    }
