"""oidcc-config-certification-test-plan."""

from joserfc.jwk import KeySet

from tests.oidc.conftest import ISSUER, Site

# OpenID Connect Discovery §3, RFC 8414 §2 and the specifications that add to them.
KNOWN = set(
    """issuer authorization_endpoint token_endpoint userinfo_endpoint jwks_uri
    end_session_endpoint introspection_endpoint revocation_endpoint
    pushed_authorization_request_endpoint device_authorization_endpoint registration_endpoint
    scopes_supported claims_supported response_types_supported response_modes_supported
    grant_types_supported code_challenge_methods_supported prompt_values_supported
    authorization_response_iss_parameter_supported ui_locales_supported subject_types_supported
    acr_values_supported id_token_signing_alg_values_supported
    userinfo_signing_alg_values_supported request_object_signing_alg_values_supported
    token_endpoint_auth_methods_supported token_endpoint_auth_signing_alg_values_supported
    introspection_endpoint_auth_methods_supported
    introspection_endpoint_auth_signing_alg_values_supported
    revocation_endpoint_auth_methods_supported
    revocation_endpoint_auth_signing_alg_values_supported dpop_signing_alg_values_supported
    claims_parameter_supported request_parameter_supported request_uri_parameter_supported
    backchannel_logout_supported backchannel_logout_session_supported
    require_pushed_authorization_requests""".split()  # noqa: SIM905
)


def test_oidcc_discovery_endpoint_verification(site: Site) -> None:
    response = site.browser.get("/.well-known/openid-configuration")
    assert response.headers["content-type"] == "application/json"
    document = response.json()
    assert document["issuer"] == ISSUER
    for name, value in document.items():
        assert not name.endswith("_endpoint") or value.startswith(f"{ISSUER}/")
    assert "RS256" in document["id_token_signing_alg_values_supported"]
    assert "code" in document["response_types_supported"]
    assert document["subject_types_supported"] == ["public"]
    assert "openid" in document["scopes_supported"]
    assert document["claims_supported"]
    assert isinstance(document["code_challenge_methods_supported"], list)
    assert set(document) <= KNOWN


def test_its_keys_are_valid(site: Site) -> None:
    published = site.browser.get("/oidc/jwks").json()
    keys = KeySet.import_key_set(published)
    assert len({key.kid for key in keys.keys}) == len(published["keys"])
    assert {key["kty"] for key in published["keys"]} == {"RSA", "EC", "OKP"}
