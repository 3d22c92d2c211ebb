"""SCRAM against the examples of the RFCs, and against servers that cheat."""

import pytest
from idp_smtp_email.scram import ScramError, escape_name, saslprep, scram

NONCE = "fyko+d2lbbFgONRv9qkxdawL"
FIRST = b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"


def test_the_example_of_rfc_5802() -> None:
    client = scram("sha1", "user", "pencil", NONCE)
    assert next(client) == b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"
    assert client.send(FIRST) == (
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
    )
    assert client.send(b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=") == b""


def test_the_example_of_rfc_7677() -> None:
    client = scram("sha256", "user", "pencil", "rOprNGfwEbeRWgbNEkqO")
    assert next(client) == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    assert client.send(b"r=" + nonce + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096") == (
        b"c=biws,r=" + nonce + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert client.send(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=") == b""


def test_each_login_has_a_nonce_of_its_own() -> None:
    assert next(scram("sha1", "user", "pencil")) != next(scram("sha1", "user", "pencil"))


@pytest.mark.parametrize(
    ("server_first", "problem"),
    [
        (b"r=other3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096", "does not belong"),
        (FIRST.replace(b"3rfcNHYJY1ZVvWVs7j", b""), "does not belong"),
        (b"m=x," + FIRST, "does not belong"),
        (FIRST.replace(b"4096", b"0"), "absurd number"),
        (FIRST.replace(b"4096", b"99999999"), "absurd number"),
        (FIRST.replace(b"4096", b"many"), "not understood"),
        (FIRST.replace(b"QSXC", b"QS*C"), "not understood"),
        (b"e=other-error", "not understood"),
        (b"", "not understood"),
        (b"\xff", "not understood"),
    ],
)
def test_a_wrong_challenge_ends_the_login(server_first: bytes, problem: str) -> None:
    client = scram("sha1", "user", "pencil", NONCE)
    next(client)
    with pytest.raises(ScramError, match=problem):
        client.send(server_first)


@pytest.mark.parametrize(
    "server_final", [b"v=rmF9pqV8S7suAoZWja4dJRkFsKR=", b"", b"e=invalid-proof"]
)
def test_a_server_that_does_not_know_the_password_is_found_out(server_final: bytes) -> None:
    client = scram("sha1", "user", "pencil", NONCE)
    next(client)
    client.send(FIRST)
    with pytest.raises(ScramError, match="could not prove"):
        client.send(server_final)


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        # RFC 4013 §3
        ("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"), ("\u00aa", "a"), ("\u2168", "IX"),
        ("a\u00a0b", "a b"), ("", ""), ("\u0627\u0628", "\u0627\u0628"),
        # Prohibited: a control character, mixed directions, unknown to Unicode 3.2.
        ("\u0007", "\u0007"), ("\u06271", "\u06271"), ("\u0627a\u0628", "\u0627a\u0628"),
        ("\U0001f511", "\U0001f511"),
    ],
)  # fmt: skip
def test_names_and_passwords_are_prepared(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


def test_a_name_may_hold_commas_and_equals_signs() -> None:
    assert escape_name("a=b,c") == "a=3Db=2Cc"
