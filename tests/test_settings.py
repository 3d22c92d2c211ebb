"""Settings: where they come from, and one plain line for everything that is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from idp.settings import Settings, SetupError

Set = Callable[..., None]

KEY = Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Set environment variables: `variables(IDP_PORT=1)`; the keys are set already."""

    def put(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, str(value))

    put(IDP_SECRET_KEYS=KEY)
    return put


def problem() -> str:
    with pytest.raises(SetupError) as caught:
        Settings.load()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_defaults_serve_this_machine(variables: Set) -> None:
    settings = Settings.load()
    assert settings.issuer == "http://localhost:8000"
    assert settings.database_url == "sqlite:///idp.db"
    assert settings.is_loopback
    assert settings.verification_code_length == 6


def test_a_variable_beats_the_file(variables: Set, directory: Path) -> None:
    (directory / "idp.toml").write_text('port = 8001\nproduct_name = "Wiki"\n')
    variables(IDP_PORT=8002)
    assert (Settings.load().port, Settings.load().product_name) == (8002, "Wiki")


def test_an_argument_beats_a_variable(variables: Set) -> None:
    variables(IDP_PORT=8002)
    assert Settings.load(port=8003).port == 8003


def test_idp_config_names_another_file(variables: Set, directory: Path) -> None:
    (directory / "other.toml").write_text("port = 8001\n")
    variables(IDP_CONFIG="other.toml")
    assert Settings.load().port == 8001


def test_keys_are_separated_by_commas_and_perhaps_spaces(variables: Set) -> None:
    other = Fernet.generate_key().decode()
    variables(IDP_SECRET_KEYS=f"{KEY}, {other},")
    assert [key.get_secret_value() for key in Settings.load().secret_keys] == [KEY, other]


def test_a_key_may_be_kept_in_a_file(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    (directory / "keys").write_text(f"{KEY}\n")
    monkeypatch.setenv("IDP_SECRET_KEYS_FILE", str(directory / "keys"))
    assert Settings.load().secret_keys[0].get_secret_value() == KEY


def test_idp_toml_may_name_a_file_beside_it(directory: Path) -> None:
    (directory / "keys").write_text(KEY)
    (directory / "idp.toml").write_text('secret_keys_file = "keys"\n')
    assert Settings.load().secret_keys[0].get_secret_value() == KEY


def test_no_representation_shows_a_key(variables: Set) -> None:
    assert KEY not in repr(Settings.load())


def test_the_issuer_is_kept_without_its_last_slash(variables: Set) -> None:
    variables(IDP_ISSUER="https://id.example.com:8443/")
    settings = Settings.load()
    assert settings.issuer == "https://id.example.com:8443"
    assert settings.issuer_host == "id.example.com:8443"
    assert not settings.is_loopback


@pytest.mark.parametrize("host", ["localhost", "app.localhost", "127.0.0.1", "127.0.0.2", "[::1]"])
def test_http_is_allowed_on_loopback(variables: Set, host: str) -> None:
    variables(IDP_ISSUER=f"http://{host}:8000")
    assert Settings.load().is_loopback


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("IDP_ISSUER", "id.example.com", "IDP_ISSUER: must be an address"),
        ("IDP_ISSUER", "https://id.example.com?x=1", "IDP_ISSUER: must be an address"),
        ("IDP_ISSUER", "http://id.example.com", "IDP_ISSUER: must begin with https://"),
        ("IDP_ISSUER", "https://example.com/id", "IDP_ISSUER: must not have a path"),
        ("IDP_DATABASE_URL", "mysql://db/idp", "IDP_DATABASE_URL: must begin with sqlite:///"),
        ("IDP_DATABASE_URL", "sqlite:///:memory:", "IDP_DATABASE_URL: must name a file"),
        ("IDP_DATABASE_URL", "sqlite:///", "IDP_DATABASE_URL: must name a file"),
        ("IDP_PORT", "http", "IDP_PORT: input should be a valid integer"),
        ("IDP_VERIFICATION_CODE_LENGTH", "4", "IDP_VERIFICATION_CODE_LENGTH: input should be"),
        ("IDP_SECRET_KEYS", "", "IDP_SECRET_KEYS is not set: run `idp init` once"),
        ("IDP_METRICS_TOKEN", "hunter2", "IDP_METRICS_TOKEN: must have at least 16 characters"),
        ("IDP_SECRET_KEYS", "hunter2", "IDP_SECRET_KEYS: holds a key that `idp init` did not"),
        ("IDP_ISUER", "https://id.example.com", "IDP_ISUER is not a setting; did you mean IDP_IS"),
        ("IDP_XYZZY", "1", "IDP_XYZZY is not a setting."),
        ("IDP_CONFIG", "idp.tml", "IDP_CONFIG: there is no file idp.tml."),
        ("IDP_SUPPORT_EMAIL_FILE", "gone", "IDP_SUPPORT_EMAIL_FILE: gone cannot be read (No such"),
        ("IDP_SECRET_KEYS_FILE", "x", "IDP_SECRET_KEYS and IDP_SECRET_KEYS_FILE are both set"),
    ],
)
def test_a_wrong_variable_is_named(variables: Set, name: str, value: str, expected: str) -> None:
    variables(**{name: value})
    assert problem().startswith(expected)
    assert "hunter2" not in problem()


def test_a_password_that_breaks_the_address_is_not_repeated(variables: Set) -> None:
    variables(IDP_DATABASE_URL="postgresql://idp:hunter2/secret@db/idp")
    assert problem().startswith("IDP_DATABASE_URL: must have a number as its port")
    assert "hunter2" not in problem()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prot = 1", "idp.toml: prot is not a setting; did you mean port?"),
        ("port = ", "idp.toml cannot be read: "),
        ("port = 70000", "IDP_PORT: input should be less than or equal to 65535."),
        ('support_email_file = "gone"', "support_email_file: gone cannot be read (No such"),
    ],
)
def test_a_wrong_line_of_the_file_is_named(
    variables: Set, directory: Path, text: str, expected: str
) -> None:
    (directory / "idp.toml").write_text(text)
    assert problem().startswith(expected)


def test_a_file_that_is_no_text_is_named(variables: Set, directory: Path) -> None:
    (directory / "logo").write_bytes(b"\xff\xfe\x00")
    variables(IDP_SUPPORT_EMAIL_FILE="logo")
    assert problem() == "IDP_SUPPORT_EMAIL_FILE: logo is not a text file."
