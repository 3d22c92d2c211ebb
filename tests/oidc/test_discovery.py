"""The discovery document says what is there, and nothing else."""

import pytest

from idp.oidc import routes
from idp.oidc.routes import DISCOVERY, PAGES
from tests.oidc.conftest import ISSUER, Site


def test_the_document_lists_exactly_the_mounted_endpoints(site: Site) -> None:
    document = site.browser.get("/.well-known/openid-configuration").json()
    listed = {value for name, value in document.items() if name.endswith(("_endpoint", "_uri"))}
    mounted = {ISSUER + route.path for route in routes(site.provider)}
    assert listed == mounted - {ISSUER + path for path in (*DISCOVERY, *PAGES)}


def test_both_addresses_serve_the_same_document(site: Site) -> None:
    first, second = (site.browser.get(path).json() for path in DISCOVERY)
    assert first == second
    assert first["issuer"] == ISSUER


def test_the_document_lists_every_claim_that_is_given(site: Site) -> None:
    document = site.browser.get(DISCOVERY[0]).json()
    tokens = site.tokens()
    given = {*site.claims(tokens["id_token"]), *site.userinfo(tokens["access_token"]).json()}
    assert given <= set(document["claims_supported"])


def test_the_document_promises_no_request_objects_from_elsewhere(site: Site) -> None:
    document = site.browser.get(DISCOVERY[0]).json()
    assert "none" not in document["request_object_signing_alg_values_supported"]
    assert document["request_uri_parameter_supported"] is False
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True


@pytest.mark.parametrize("path", [*DISCOVERY, "/oidc/jwks", "/oidc/userinfo"])
def test_scripts_of_any_origin_read_public_answers(site: Site, path: str) -> None:
    response = site.browser.get(path, headers={"Origin": "https://spa.example"})
    assert response.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in response.headers


def test_a_browser_may_post_to_the_token_endpoint_from_any_origin(site: Site) -> None:
    headers = {
        "Origin": "https://spa.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    assert site.browser.options("/oidc/token", headers=headers).status_code == 200


def test_no_script_reads_the_authorization_endpoint(site: Site) -> None:
    response = site.browser.get("/oidc/authorize", headers={"Origin": "https://spa.example"})
    assert "access-control-allow-origin" not in response.headers
