"""Who may use the management API."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from idp.administration.access import (
    MANAGEMENT_GRANTS,
    SCOPE,
    add_management_client,
    issue_access_token,
    management_api,
)
from idp.oidc.access_token import save_api
from idp.oidc.client_metadata import ClientMetadata
from idp.oidc.clients import add_client
from idp.storage.tables import AccessToken, AuditEntry
from tests.api.conftest import Api


def _call(api: Api, access_token: str) -> int:
    headers = {"Authorization": f"Bearer {access_token}"}
    return int(api("GET", "/connectors", headers=headers).status_code)


def _token_for(api: Api, client: str, secret: str, **form: str) -> str:
    """Return an access token as the token endpoint gives it."""
    asked = {"grant_type": "client_credentials", "scope": SCOPE, **form}
    answer = api.client.post("/oidc/token", data=asked, auth=(client, secret))
    return str(answer.json()["access_token"])


@pytest.mark.parametrize("signed", [True, False])
def test_a_machine_gets_in_with_a_token_of_the_token_endpoint(api: Api, signed: bool) -> None:
    issuer = api.settings.issuer
    client, secret = api.work(add_management_client, issuer, "Deployment")
    resource = {"resource": management_api(issuer)} if signed else {}
    access_token = _token_for(api, client.id, secret, **resource)
    assert (access_token.count(".") == 2) is signed
    assert _call(api, access_token) == 200


def test_without_an_access_token_nobody_gets_in(api: Api) -> None:
    del api.client.headers["Authorization"]
    answer = api("GET", "/connectors")
    assert answer.status_code == 401
    assert answer.json()["code"] == "auth.authorization_header_missing"


def test_the_answer_to_a_missing_token_says_how_to_send_one(api: Api) -> None:
    del api.client.headers["Authorization"]
    assert api("GET", "/connectors").headers["www-authenticate"] == 'Bearer realm="api"'


def test_a_token_that_ended_or_was_never_given_lets_nobody_in(api: Api) -> None:
    past = timedelta(seconds=-1)
    ended = api.work(issue_access_token, api.settings.issuer, "script", past)
    assert _call(api, ended) == 401
    assert _call(api, "invented") == 401


def test_a_token_for_another_api_does_not_count(api: Api) -> None:
    def elsewhere(session: Session) -> None:
        for row in session.exec(select(AccessToken)):
            row.audience = "https://orders.example.com"

    api.work(elsewhere)
    assert api("GET", "/connectors").status_code == 401


def test_a_machine_without_the_scope_is_refused_and_that_is_audited(api: Api) -> None:
    metadata = ClientMetadata(name="Orders", grant_types=MANAGEMENT_GRANTS, scope="orders")
    client, secret = api.work(add_client, metadata)
    assert _call(api, _token_for(api, client.id, secret or "", scope="orders")) == 403
    entry = api.work(lambda session: session.exec(select(AuditEntry)).one())
    assert (entry.actor_id, entry.action, entry.refused) == (client.id, "api.call", True)


def test_the_scope_all_belongs_to_no_other_api(api: Api) -> None:
    with pytest.raises(ValueError, match="management API"):
        api.work(save_api, "https://orders.example.com", "Orders", "read all")


def test_removing_the_client_ends_its_access_at_once(api: Api) -> None:
    assert api("DELETE", "/applications/script").status_code == 204
    assert api("GET", "/connectors").status_code == 401


def test_a_browser_of_another_site_may_not_be_stopped_by_the_guard_of_forms(api: Api) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert api("POST", "/connectors", json={}, headers=headers).status_code == 400
