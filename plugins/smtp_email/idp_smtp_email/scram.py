"""SCRAM, the client's side: proves knowledge of the password without sending it (RFC 5802)."""

import base64
import hashlib
import hmac
import secrets
import stringprep
import unicodedata
from collections.abc import Generator

_CHANNEL_BINDING = "n,,"  # RFC 5802 §7: this client knows none
# A server asks for thousands; with more it would keep this machine busy.
_MOST_ITERATIONS = 1_000_000
_PROHIBITED = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


class ScramError(Exception):
    """The server broke the protocol, or could not prove that it knows the password."""


def scram(
    hash_name: str, user: str, password: str, nonce: str | None = None
) -> Generator[bytes, bytes, None]:
    """Yield the messages of the client and take those of the server; raises ScramError."""
    nonce = nonce or secrets.token_urlsafe(24)
    client_first = f"n={escape_name(saslprep(user))},r={nonce}"
    server_first = _decode((yield (_CHANNEL_BINDING + client_first).encode()))
    server_nonce, salt, iterations = _read_first(server_first, nonce)
    without_proof = f"c={_base64(_CHANNEL_BINDING.encode())},r={server_nonce}"
    signed = ",".join((client_first, server_first, without_proof)).encode()
    password_bytes = saslprep(password).encode()
    salted_password = hashlib.pbkdf2_hmac(hash_name, password_bytes, salt, iterations)
    proof = _proof(hash_name, salted_password, signed)
    server_final = yield f"{without_proof},p={_base64(proof)}".encode()
    server_key = hmac.digest(salted_password, b"Server Key", hash_name)
    signature = hmac.digest(server_key, signed, hash_name)
    if not hmac.compare_digest(server_final, f"v={_base64(signature)}".encode()):
        raise ScramError("The server could not prove that it knows the password.")
    yield b""


def escape_name(name: str) -> str:
    """Write a user name where commas and equals signs have a meaning (RFC 5801 §4)."""
    return name.replace("=", "=3D").replace(",", "=2C")


def saslprep(text: str) -> str:
    """Normalize a user name or password (RFC 4013).

    What the profile prohibits stays as it is: servers that check keep no such password, and the
    others compare octets.
    """
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in text
        if not stringprep.in_table_b1(character)
    )
    normalized = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    return normalized if _is_permitted(normalized) else text


def _is_permitted(text: str) -> bool:
    if any(is_prohibited(character) for character in text for is_prohibited in _PROHIBITED):
        return False
    # RFC 3454 §6: right-to-left text starts and ends so, and holds no left-to-right letters.
    if not any(map(stringprep.in_table_d1, text)):
        return True
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return ends and not any(map(stringprep.in_table_d2, text))


def _read_first(message: str, nonce: str) -> tuple[str, bytes, int]:
    try:
        fields = dict(part.split("=", 1) for part in message.split(","))
        server_nonce, iterations = fields["r"], int(fields["i"])
        salt = base64.b64decode(fields["s"], validate=True)
    except (KeyError, ValueError) as error:
        raise ScramError("The server's SCRAM challenge was not understood.") from error
    if "m" in fields or len(server_nonce) <= len(nonce) or not server_nonce.startswith(nonce):
        raise ScramError("The server's SCRAM challenge does not belong to this login.")
    if not 0 < iterations <= _MOST_ITERATIONS:
        raise ScramError("The server asks for an absurd number of SCRAM iterations.")
    return server_nonce, salt, iterations


def _proof(hash_name: str, salted_password: bytes, signed: bytes) -> bytes:
    client_key = hmac.digest(salted_password, b"Client Key", hash_name)
    stored_key = hashlib.new(hash_name, client_key).digest()
    signature = hmac.digest(stored_key, signed, hash_name)
    return bytes(mine ^ theirs for mine, theirs in zip(client_key, signature, strict=True))


def _decode(message: bytes) -> str:
    try:
        return message.decode()
    except UnicodeDecodeError as error:
        raise ScramError("The server's SCRAM challenge was not understood.") from error


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()
