"""Tests of strict settings and their errors."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, SecretStr, field_validator

from idp.connector_kit import ConnectorConfig, InvalidConfig


class Login(ConnectorConfig):
    type: Literal["login"] = "login"
    user: str
    password: SecretStr


class OAuth2(ConnectorConfig):
    type: Literal["OAuth2"]
    user: str
    client_secret: SecretStr


class Tls(ConnectorConfig):
    min_version: str = "TLSv1.2"
    ciphers: str | None = None


class Settings(ConnectorConfig):
    host: str
    port: int = 587
    auth: Login | OAuth2 | None = None
    tagged: Annotated[Login | OAuth2, Field(discriminator="type")] | None = None
    tls: Tls | None = None
    servers: list[Tls] = Field(default_factory=list)
    pools: dict[str, Tls] = Field(default_factory=dict)
    custom_headers: dict[str, str | list[str]] = Field(default_factory=dict)
    api_key: SecretStr | None = None

    @field_validator("host")
    @classmethod
    def _no_scheme(cls, host: str) -> str:
        if "://" in host:
            raise ValueError("Must be a name, not a URL")
        return host


def problems_of(**raw: object) -> dict[str, str]:
    with pytest.raises(InvalidConfig) as refusal:
        Settings.parse({"host": "a.test", **raw})
    assert "s3cret" not in repr(refusal.value) + str(refusal.value.problems)
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None
    return refusal.value.problems


def did_you_mean(key: str) -> str:
    return f"is not a known key; did you mean {key}?"


@pytest.mark.parametrize(
    ("raw", "path", "problem"),
    [
        ({"prot": 1}, "prot", did_you_mean("port")),
        ({"api_key": "s3cret"}, "api_key", did_you_mean("apiKey")),
        ({"zzzzzz": "s3cret"}, "zzzzzz", "is not a known key"),
        ({"": 1}, "config", "is not a known key"),
        ({"tls": {"minVersoin": "1"}}, "tls.minVersoin", did_you_mean("minVersion")),
        ({"servers": [{}, {"cipher": 1}]}, "servers.1.cipher", did_you_mean("ciphers")),
        ({"pools": {"a": {"cipher": 1}}}, "pools.a.cipher", did_you_mean("ciphers")),
        ({"auth": {"usr": "x"}}, "auth.usr", did_you_mean("user")),
        (
            {"tagged": {"type": "OAuth2", "user": "u", "clientSecrt": "s3cret"}},
            "tagged.clientSecrt",
            did_you_mean("clientSecret"),
        ),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(
    raw: dict[str, object], path: str, problem: str
) -> None:
    assert problems_of(**raw)[path] == problem


@pytest.mark.parametrize(
    ("raw", "problems"),
    [
        ({"host": None}, {"host": "input should be a valid string"}),
        ({"host": "https://s3cret"}, {"host": "must be a name, not a URL"}),
        ({"tls": "s3cret"}, {"tls": "must be an object"}),
        ({"auth": "s3cret"}, {"auth": "must be an object"}),
        ({"tagged": {"type": "s3cret"}}, {"tagged.type": "must be one of 'login', 'OAuth2'"}),
        ({"tagged": {"user": "s3cret"}}, {"tagged.type": "is required"}),
        ({"customHeaders": {"X-A": 5}}, {"customHeaders.X-A": "input should be a valid string"}),
        ({"apiKey": ["s3cret"]}, {"apiKey": "input should be a valid string"}),
    ],
)
def test_a_wrong_value_is_named_by_its_path(
    raw: dict[str, object], problems: dict[str, str]
) -> None:
    assert problems_of(**raw) == problems


def test_a_missing_key_is_named_by_its_path() -> None:
    with pytest.raises(InvalidConfig, match="host: is required") as refusal:
        Settings.parse({"tagged": {"type": "login", "user": "u"}})
    assert refusal.value.problems == {"host": "is required", "tagged.password": "is required"}


def test_a_key_of_one_union_member_is_not_called_unknown() -> None:
    problems = problems_of(auth={"user": "u", "password": 5, "type": "login"})
    assert problems["auth.password"] == "input should be a valid string"


def test_settings_that_are_no_object_are_refused() -> None:
    with pytest.raises(InvalidConfig) as refusal:
        Settings.parse([])  # type: ignore[arg-type]
    assert refusal.value.problems == {"config": "must be an object"}


def test_secrets_are_never_shown() -> None:
    raw = {"host": "a.test", "apiKey": "s3cret", "auth": {"user": "u", "password": "s3cret"}}
    settings = Settings.parse(raw)
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_settings_are_camel_case_on_the_wire() -> None:
    settings = Settings.parse({"host": "a.test", "tls": {"minVersion": "TLSv1.3"}})
    assert settings.tls == Tls.parse({"minVersion": "TLSv1.3"})
    assert "customHeaders" in settings.model_dump(by_alias=True)
