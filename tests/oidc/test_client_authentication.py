"""Client authentication at the token endpoint (RFC 6749 §2.3)."""

from datetime import timedelta

import pytest

from idp.oidc.clients import add_secret
from idp.storage.tables import ClientSecret, now
from tests.oidc.conftest import CALLBACK, SECRET, VERIFIER, Site


def _redeem(site: Site, client_id: str) -> dict[str, str]:
    """Return a form that redeems a code of this client."""
    authorization_code = site.authorization_code(client_id=client_id)
    form = {"grant_type": "authorization_code", "code": authorization_code}
    return {**form, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}


def test_a_client_may_authenticate_in_the_form(site: Site) -> None:
    secret = {"client_id": "web", "client_secret": SECRET}
    response = site.browser.post("/oidc/token", data=_redeem(site, "web") | secret)
    assert response.status_code == 200


def test_a_public_client_only_names_itself(site: Site) -> None:
    form = _redeem(site, "native") | {"client_id": "native"}
    assert site.browser.post("/oidc/token", data=form).status_code == 200


@pytest.mark.parametrize(
    ("username", "password"),
    [("web", "wrong"), ("web", ""), ("nobody", SECRET), ("native", SECRET)],
)
def test_wrong_basic_credentials_are_refused(site: Site, username: str, password: str) -> None:
    form = _redeem(site, "web")
    response = site.browser.post("/oidc/token", data=form, auth=(username, password))
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert response.headers["www-authenticate"].startswith("Basic realm=")


@pytest.mark.parametrize(
    "credentials",
    [
        {},
        {"client_id": "web"},
        {"client_id": "web", "client_secret": "wrong"},
        {"client_id": "native", "client_secret": SECRET},
        {"client_id": "nobody"},
    ],
)
def test_wrong_credentials_in_the_form_are_refused(site: Site, credentials: dict[str, str]) -> None:
    response = site.browser.post("/oidc/token", data=_redeem(site, "web") | credentials)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert response.json()["error_description"].isascii()
    assert not {*response.json()["error_description"]} & {*"()'\\"}


@pytest.mark.parametrize("header", ["Basic ?", "Basic /w==", "Basic \u00e9", "Basic", "Bearer x"])
def test_a_malformed_authorization_header_is_refused(site: Site, header: str) -> None:
    headers = {b"Authorization": header.encode("latin-1")}
    response = site.browser.post("/oidc/token", data=_redeem(site, "web"), headers=headers)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("more", [{"client_secret": SECRET}, {"client_id": "other"}])
def test_a_client_authenticates_in_one_way(site: Site, more: dict[str, str]) -> None:
    form = _redeem(site, "web") | more
    response = site.browser.post("/oidc/token", data=form, auth=("web", SECRET))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


def test_a_client_has_several_secrets_while_one_replaces_the_other(site: Site) -> None:
    new = site.work(add_secret, "machine")
    assert new != SECRET
    for secret in (SECRET, new):
        assert _status(site, secret) == 200


def test_a_secret_works_until_it_expires(site: Site) -> None:
    soon, long_ago = (now() + timedelta(seconds=seconds) for seconds in (60, -60))
    new = site.work(add_secret, "machine", expires_at=soon, others_expire_at=long_ago)
    assert (_status(site, SECRET), _status(site, new)) == (401, 200)
    site.change(ClientSecret, expires_at=long_ago)
    assert _status(site, new) == 401


def test_the_secret_of_another_client_proves_nothing(site: Site) -> None:
    others = site.work(add_secret, "web")
    assert _status(site, others) == 401


@pytest.mark.parametrize("client_id", ["native", "nobody"])
def test_who_has_no_secret_gets_none(site: Site, client_id: str) -> None:
    with pytest.raises(ValueError, match="no application with a secret"):
        site.work(add_secret, client_id)


def _status(site: Site, secret: str) -> int:
    form = {"grant_type": "client_credentials"}
    return site.browser.post("/oidc/token", data=form, auth=("machine", secret)).status_code
