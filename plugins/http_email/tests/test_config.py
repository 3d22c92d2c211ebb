"""What an administrator may type, and what the error says if it cannot work."""

from base64 import b64encode

import pytest
from idp_http_email import HttpConfig

from idp.connector_kit import InvalidConfig

OF_LOGTO = {"endpoint": "https://example.com/mails", "authorization": "Bearer your-token"}


def whsec(size: int) -> str:
    return "whsec_" + b64encode(b"s" * size).decode()


def test_a_configuration_of_logto_fits_unchanged() -> None:
    config = HttpConfig.parse(OF_LOGTO)
    assert config.authorization is not None
    assert config.authorization.get_secret_value() == "Bearer your-token"
    assert "your-token" not in repr(config)


def test_only_the_endpoint_is_required() -> None:
    config = HttpConfig.parse({"endpoint": OF_LOGTO["endpoint"], "authorization": "", "secret": ""})
    assert (config.authorization, config.secret) == (None, [])


@pytest.mark.parametrize(
    "endpoint",
    ["http://127.0.0.1:8080/a", "http://localhost/a", "http://[::1]/a", "https://x.test?a=b"],
)
def test_an_endpoint_is_https_or_on_this_machine(endpoint: str) -> None:
    assert HttpConfig.parse({"endpoint": endpoint}).endpoint == endpoint


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        ("http://example.com/mails", "must start with https://"),
        ("http://localhost.example.com/", "must start with https://"),
        ("http://169.254.169.254/latest", "must start with https://"),
        ("ftp://127.0.0.1/", "must start with https://"),
        ("example.com/mails", "must be a whole address"),
        ("https:///mails", "must be a whole address"),
        ("https://x.test:99999/", "must be a whole address"),
        ("https://x.test/a b", "must be a whole address"),
        ("https://x.test/\r\nX-Evil: 1", "must be a whole address"),
        ("https://me:secret@x.test/", "neither a user name nor a #"),
        ("https://x.test/#a", "neither a user name nor a #"),
    ],
)
def test_another_address_is_refused(endpoint: str, problem: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        HttpConfig.parse({"endpoint": endpoint})
    assert problem in caught.value.problems["endpoint"]


@pytest.mark.parametrize("size", [24, 32, 64])
def test_a_secret_has_24_to_64_bytes(size: int) -> None:
    assert HttpConfig.parse(OF_LOGTO | {"secret": whsec(size)})


def test_several_secrets_sign_while_one_is_changed() -> None:
    assert len(HttpConfig.parse(OF_LOGTO | {"secret": [whsec(24), whsec(32)]}).secret) == 2


@pytest.mark.parametrize(
    "secret", [whsec(23), whsec(65), whsec(24)[6:], "whsec_not base64 at all!", "whsec_", "hush"]
)
def test_another_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        HttpConfig.parse(OF_LOGTO | {"secret": secret})
    [(key, problem)] = caught.value.problems.items()
    assert (key, problem) == (
        "secret.0",
        "must be whsec_ followed by 24 to 64 random bytes in base64",
    )


def test_an_authorization_is_one_line() -> None:
    with pytest.raises(InvalidConfig, match="authorization: must be ASCII on one line"):
        HttpConfig.parse(OF_LOGTO | {"authorization": "Bearer a\r\nX-Evil: 1"})
