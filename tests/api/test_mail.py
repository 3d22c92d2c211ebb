"""Templates, deliveries and the sign-in experience at the API."""

from typing import Any

import pytest

from tests.api.conftest import Api

_GOOD = {"subject": "Your code", "content": "<p>{{code}}</p>", "text": "{{code}}"}


def _put(api: Api, **details: object) -> Any:
    template = {"languageTag": "de", "templateType": "SignIn", "details": {**_GOOD, **details}}
    return api("PUT", "/email-templates", json={"templates": [template]})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("content", "<p>Hello</p>"),
        ("content", "<script>x</script>{{code}}"),
        ("subject", "Two\nlines"),
        ("sendFrom", "a@example.com, b@example.com"),
        ("contentType", "text/markdown"),
        ("content", "{{code}}" + "x" * 80 * 1024),
        ("text", "x" * 81 * 1024),
        ("content", "{{code}}" + "<a " * 20_000),
    ],
)
def test_a_template_no_mail_could_be_sent_with_is_refused(api: Api, field: str, value: str) -> None:
    answer = _put(api, **{field: value})
    assert answer.status_code == 422
    assert answer.json()["data"]["problems"].keys() == {field}
    assert api("GET", "/email-templates").json() == []


def test_what_is_doubtful_about_a_template_comes_as_a_warning(api: Api) -> None:
    answer = _put(api, content="<p>{{code}} {{nickname}}</p>")
    assert answer.status_code == 200
    assert [each["field"] for each in answer.json()[0]["warnings"]] == ["content"]


def test_an_earlier_wording_can_be_brought_back(api: Api) -> None:
    template = _put(api, subject="First").json()[0]
    _put(api, subject="Second")
    path = f"/email-templates/{template['id']}/versions"
    newest, oldest = api("GET", path).json()
    assert (newest["details"]["subject"], newest["actorId"]) == ("Second", "script")
    restored = api("POST", f"{path}/{oldest['id']}/restore")
    assert restored.json()["details"]["subject"] == "First"
    assert len(api("GET", path).json()) == 3


def test_a_notice_is_worded_like_a_mail(api: Api) -> None:
    details = {"subject": "Changed", "content": "<p>{{request.time}}</p>"}
    body = {"languageTag": "de", "templateType": "PasswordChanged", "details": details}
    answer = api("PUT", "/email-templates", json={"templates": [body]})
    assert (answer.status_code, answer.json()[0]["id"]) == (200, "de:PasswordChanged")
    listed = api("GET", "/email-templates?templateType=PasswordChanged").json()
    assert [each["templateType"] for each in listed] == ["PasswordChanged"]


def test_all_templates_of_a_language_are_deleted_but_never_simply_all(api: Api) -> None:
    _put(api)
    assert api("DELETE", "/email-templates").status_code == 422
    answer = api("DELETE", "/email-templates?languageTag=de")
    assert (answer.status_code, answer.json()) == (200, {"rowCount": 1})


def test_a_delivery_is_followed_and_cancelled_and_says_no_address(api: Api) -> None:
    api("POST", "/verification-codes", json={"email": "reader@example.com"})
    listed = api("GET", "/deliveries", params={"to": "reader@example.com"})
    delivery = listed.json()[0]
    assert (delivery["to"], delivery["state"]) == ("r***@example.com", "promised")
    path = f"/deliveries/{delivery['id']}"
    assert api("POST", f"{path}/retry").json()["state"] == "promised"
    assert api("POST", f"{path}/cancel").json()["state"] == "cancelled"
    assert api("GET", path).json()["deliveryAttempts"] == []
    assert api("POST", f"{path}/retry").status_code == 422
    assert api("GET", "/deliveries?to=other@example.com").headers["total-number"] == "0"


def test_of_two_who_change_the_experience_at_once_one_is_told(api: Api) -> None:
    etag = {"If-Match": api("GET", "/sign-in-exp").headers["etag"]}
    change = {"color": {"primaryColor": "#112233"}}
    assert api("PATCH", "/sign-in-exp", json=change, headers=etag).status_code == 200
    late = api("PATCH", "/sign-in-exp", json=change, headers=etag)
    assert (late.status_code, late.json()["code"]) == (412, "request.precondition_failed")


def test_an_unknown_key_of_the_experience_is_named(api: Api) -> None:
    answer = api("PATCH", "/sign-in-exp", json={"signIn": {"method": []}})
    assert answer.status_code == 400
    assert "signIn.method" in answer.json()["data"]["problems"]


def test_plugins_are_listed(api: Api) -> None:
    plugins = {each["name"]: each for each in api("GET", "/plugins").json()}
    assert plugins["smtp_email"]["connectors"] == ["simple-mail-transfer-protocol"]
    assert plugins["smtp_email"]["hooks"] == ["idp_register_email_connectors"]
