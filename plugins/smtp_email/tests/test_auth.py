"""The `auth` key: which form the keys belong to, and what is wrong with them."""

from collections.abc import Callable
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from idp_smtp_email import SmtpConfig
from idp_smtp_email.auth import (
    _KEYS,
    Login,
    OAuth2ClientCredentials,
    OAuth2RefreshToken,
    OAuth2ServiceAccount,
)
from oauth2_endpoint import rsa_pem

from idp.connector_kit import InvalidConfig

Wire = dict[str, Any]
MakeWire = Callable[..., Wire]

OAUTH2 = {"type": "OAuth2", "user": "u@example.com"}
CLIENT = {"clientId": "c", "clientSecret": "hush-1"}
MICROSOFT = {"accessUrl": "https://login.example.com/t", "scope": "x"}
GOOGLE = "https://oauth2.googleapis.com/token"


@pytest.mark.parametrize(
    "auth",
    [
        # The examples of nodemailer's guide, as Logto takes them: 3LO, 2LO, and a token alone.
        {
            "type": "OAuth2", "user": "user@example.com",
            "clientId": "000000000000-xxx0.apps.googleusercontent.com",
            "clientSecret": "XxxxxXXxX0xxxxxxxx0XXxX0",
            "refreshToken": "1/XXxXxsss-xxxXXXXXxXxx0XXX",
            "accessToken": "ya29.Xx_XX0xxxxx-xX0X0XxXXxXxXXXxX0x", "expires": 1484314697598,
        },
        {"user": "u", **CLIENT, "refreshToken": "r"},
        {"type": "OAUTH2", "user": "u", "clientId": "c", "refreshToken": "r", "accessUrl": ""},
        {**OAUTH2, "accessToken": "ya29.Xx_XX0xxxxx-xX0X0XxXXxXxXXXxX0x"},
    ],
)  # fmt: skip
def test_the_refresh_token_form_is_taken(wire: MakeWire, auth: Wire) -> None:
    parsed = SmtpConfig.parse(wire(auth=auth)).auth
    assert isinstance(parsed, OAuth2RefreshToken)
    assert (parsed.user, parsed.access_url) == (auth["user"], GOOGLE)


@pytest.mark.parametrize(
    ("given", "form"),
    [
        ({}, Login),
        ({"user": "u", "pass": "hush-1"}, Login),
        ({**OAUTH2, **CLIENT, "refreshToken": "r"}, OAuth2RefreshToken),
        ({**OAUTH2, "serviceClient": "1", "privateKey": rsa_pem()}, OAuth2ServiceAccount),
        ({**OAUTH2, **CLIENT, **MICROSOFT}, OAuth2ClientCredentials),
    ],
)
def test_blank_keys_do_not_decide_the_form(wire: MakeWire, given: Wire, form: type) -> None:
    """An editor with a field for each key saves them all."""
    blank = dict.fromkeys(_KEYS, "") | {"expires": None, "privateKey": None}
    assert isinstance(SmtpConfig.parse(wire(auth=blank | given)).auth, form)


@pytest.mark.parametrize("is_nested", [True, False])
def test_the_service_account_form_is_taken(wire: MakeWire, is_nested: bool) -> None:
    key = {"key": rsa_pem("hush-2"), "passphrase": "hush-2"} if is_nested else rsa_pem()
    auth = {**OAUTH2, "serviceClient": "113600000000000000000", "privateKey": key}
    parsed = SmtpConfig.parse(wire(auth=auth)).auth
    assert isinstance(parsed, OAuth2ServiceAccount)
    assert (parsed.scope, parsed.access_url) == ("https://mail.google.com/", GOOGLE)


@pytest.mark.parametrize("credential", ["clientSecret", "privateKey"])
def test_the_client_credentials_form_is_taken(wire: MakeWire, credential: str) -> None:
    value = rsa_pem() if credential == "privateKey" else "hush-1"
    auth = {**OAUTH2, "clientId": "c", credential: value, **MICROSOFT}
    assert isinstance(SmtpConfig.parse(wire(auth=auth)).auth, OAuth2ClientCredentials)


def test_the_type_may_be_absent(wire: MakeWire) -> None:
    auth = {"user": "u", "serviceClient": "1", "privateKey": {"key": rsa_pem()}}
    assert isinstance(SmtpConfig.parse(wire(auth=auth)).auth, OAuth2ServiceAccount)
    assert isinstance(SmtpConfig.parse(wire(auth={"user": "u", "pass": "p"})).auth, Login)


def test_oauth2_is_a_login_and_so_uses_the_port_for_submission(wire: MakeWire) -> None:
    assert SmtpConfig.parse(wire(auth={**OAUTH2, "accessToken": "a"})).server_port == 587


def test_a_key_copied_from_a_json_file_is_read(wire: MakeWire) -> None:
    pem = rsa_pem().replace("\n", "\\n")
    auth = SmtpConfig.parse(wire(auth={**OAUTH2, "serviceClient": "1", "privateKey": pem})).auth
    assert isinstance(auth, OAuth2ServiceAccount)
    assert auth.private_key.load().key_size == 2048


@pytest.mark.parametrize(
    "url", ["https://login.example.com/t", "http://127.0.0.1:8080/t", "http://localhost/t",
            "http://[::1]:1/t"],
)  # fmt: skip
def test_a_private_way_to_the_token_endpoint_is_taken(wire: MakeWire, url: str) -> None:
    auth = SmtpConfig.parse(wire(auth={**OAUTH2, **CLIENT, "accessUrl": url, "scope": "x"})).auth
    assert isinstance(auth, OAuth2ClientCredentials)
    assert auth.access_url == url


@pytest.mark.parametrize(
    "url", ["x", "http://login.example.com/t", "ftp://127.0.0.1/t", "https:///t", "https://[x/t",
            "https://user:hush@login.example.com/t", "https://login.example.com/t#f",
            "http://127.0.0.1.example.com/", "https://login.example.com:99999/t"],
)  # fmt: skip
def test_any_other_way_to_the_token_endpoint_is_refused(wire: MakeWire, url: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        SmtpConfig.parse(wire(auth={**OAUTH2, **CLIENT, "accessUrl": url, "scope": "x"}))
    assert "must be an https:// URL" in caught.value.problems["auth.accessUrl"]


def ed25519_pem() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("auth", "key", "problem"),
    [
        (OAUTH2, "auth.clientId", "is required"),
        ({**OAUTH2, **MICROSOFT, "clientId": "c"}, "auth", "exactly one of clientSecret and"),
        ({**OAUTH2, "serviceClient": "1"}, "auth.privateKey", "is required"),
        ({**OAUTH2, "accessToken": "a", "expires": "later"}, "auth.expires", "valid integer"),
        ({**OAUTH2, "refreshToken": "r"}, "auth.refreshToken", "clientId must be given with"),
        ({**OAUTH2, **CLIENT, "refreshTokn": "r"}, "auth.refreshTokn", "did you mean refreshT"),
        ({"type": "OAuth2", "accessToken": "a"}, "auth.user", "is required"),
        ({"type": "OAuth2", "user": "", "accessToken": "a"}, "auth.user", "at least 1 character"),
        ({**OAUTH2, "accessToken": "", "refreshToken": ""}, "auth", "must be given"),
        ({**OAUTH2, **CLIENT, "refreshToken": ""}, "auth", "refreshToken or accessToken must"),
    ],
)
def test_what_is_wrong_with_a_form_is_named(
    wire: MakeWire, auth: Wire, key: str, problem: str
) -> None:
    with pytest.raises(InvalidConfig) as caught:
        SmtpConfig.parse(wire(auth=auth))
    assert problem in caught.value.problems.get(key, ""), caught.value.problems


@pytest.mark.parametrize(
    ("make_key", "problem"),
    [
        (lambda: "key.pem", "not a path"),
        (lambda: rsa_pem().replace("MII", "MIJ", 1), "cannot be read"),
        (lambda: rsa_pem("hush-2"), "does the passphrase belong to it?"),
        (lambda: {"key": rsa_pem("hush-2"), "passphrase": "other"}, "does the passphrase belong"),
        (ed25519_pem, "must be an RSA key"),
        (lambda: {"key": rsa_pem(), "cert": "cert.pem"}, "not a path"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_at_once(
    wire: MakeWire, make_key: Callable[[], object], problem: str
) -> None:
    auth = {**OAUTH2, "serviceClient": "1", "privateKey": make_key()}
    with pytest.raises(InvalidConfig, match=problem) as caught:
        SmtpConfig.parse(wire(auth=auth))
    assert next(iter(caught.value.problems)).startswith("auth.privateKey")
    assert "hush" not in repr(caught.value)


def test_secrets_of_oauth2_are_shown_nowhere(wire: MakeWire, authority: trustme.CA) -> None:
    pem = rsa_pem("hush-2")
    tokens = {"refreshToken": "hush-3", "accessToken": "hush-4"}
    key = {"key": pem, "passphrase": "hush-2", "cert": authority.cert_pem.bytes().decode()}
    for auth in (
        {**OAUTH2, **CLIENT, **tokens},
        {**OAUTH2, "serviceClient": "1", "privateKey": key},
        {**OAUTH2, **MICROSOFT, "clientId": "c", "privateKey": key},
    ):
        config = SmtpConfig.parse(wire(auth=auth))
        shown = repr(config) + str(config.model_dump()) + config.model_dump_json()
        assert "hush" not in shown
        assert pem[30:60] not in shown
