"""A mail server that takes every kind of login, and keeps account of them."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import aiosmtplib
from aiosmtpd.smtp import MISSING, SMTP, AuthResult, auth_mechanism

ALL = {"SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"}
USER, PASSWORD = "mailer", "open-sesame-77"
_REFUSED = AuthResult(success=False, handled=False)
_ABORTED = AuthResult(success=False)


class LoginServer:
    """Plays the server's side of each mechanism with aiosmtpd's `auth_` methods."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.password = PASSWORD
        self.access_tokens: set[str] = set()
        self.logins: list[tuple[str, bool]] = []
        self.presented: list[str] = []
        self.knows_password = True
        """Whether the server's SCRAM signature is right."""

    def authenticate(
        self, _s: SMTP, _x: object, _e: object, mechanism: str, data: Any
    ) -> AuthResult:
        is_right = (data.login, data.password) == (USER.encode(), self.password.encode())
        return self._result(mechanism, is_right=is_right)

    @auth_mechanism("CRAM-MD5")
    async def auth_CRAM_MD5(self, server: SMTP, _args: list[str]) -> AuthResult:
        challenge = f"<{secrets.token_hex(8)}@mail.example.test>"
        answer = await server.challenge_auth(challenge)
        digest = hmac.new(self.password.encode(), challenge.encode(), "md5").hexdigest()
        return self._result("CRAM-MD5", is_right=answer == f"{USER} {digest}".encode())

    @auth_mechanism("SCRAM-SHA-256")
    async def auth_SCRAM_SHA_256(self, server: SMTP, args: list[str]) -> AuthResult:
        return await self._scram(server, args, "sha256", "SCRAM-SHA-256")

    @auth_mechanism("SCRAM-SHA-1")
    async def auth_SCRAM_SHA_1(self, server: SMTP, args: list[str]) -> AuthResult:
        return await self._scram(server, args, "sha1", "SCRAM-SHA-1")

    async def _scram(self, server: SMTP, args: list[str], digest: str, name: str) -> AuthResult:
        client_first = base64.b64decode(args[1]).decode().removeprefix("n,,")
        nonce = client_first.partition(",r=")[2] + secrets.token_hex(8)
        salt = secrets.token_bytes(16)
        server_first = f"r={nonce},s={base64.b64encode(salt).decode()},i=4096"
        client_final = await server.challenge_auth(server_first)
        if client_final is MISSING:
            return _ABORTED
        without_proof, _, proof = client_final.decode().rpartition(",p=")
        salted = hashlib.pbkdf2_hmac(digest, self.password.encode(), salt, 4096)
        signed = f"{client_first},{server_first},{without_proof}".encode()
        client_key = hmac.digest(salted, b"Client Key", digest)
        stored_key = hashlib.new(digest, client_key).digest()
        signature = hmac.digest(stored_key, signed, digest)
        expected = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        if base64.b64decode(proof) != expected:
            return self._result(name, is_right=False)
        server_key = hmac.digest(salted if self.knows_password else b"x", b"Server Key", digest)
        verifier = base64.b64encode(hmac.digest(server_key, signed, digest)).decode()
        await server.challenge_auth(f"v={verifier}")
        return self._result(name, is_right=True)

    @auth_mechanism("XOAUTH2")
    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        fields = base64.b64decode(args[1]).decode().split("\1")
        is_named = fields[0] == f"user={USER}"
        return await self._bearer(server, fields, "XOAUTH2", b"", is_named=is_named)

    @auth_mechanism("OAUTHBEARER")
    async def auth_OAUTHBEARER(self, server: SMTP, args: list[str]) -> AuthResult:
        fields = base64.b64decode(args[1]).decode().split("\1")
        known = [f"n,a={USER},", "host=127.0.0.1", f"port={self.port}"]
        return await self._bearer(
            server, fields, "OAUTHBEARER", b"\1", is_named=fields[:3] == known
        )

    async def _bearer(
        self, server: SMTP, fields: list[str], name: str, acknowledgement: bytes, *, is_named: bool
    ) -> AuthResult:
        access_token = next(field for field in fields if field.startswith("auth="))[12:]
        self.presented.append(access_token)
        is_right = is_named and access_token in self.access_tokens
        if not is_right:
            error = json.dumps({"status": "401", "schemes": "bearer"})
            assert await server.challenge_auth(error) == acknowledgement
        return self._result(name, is_right=is_right)

    def _result(self, mechanism: str, *, is_right: bool) -> AuthResult:
        self.logins.append((mechanism, is_right))
        return AuthResult(success=True) if is_right else _REFUSED


@asynccontextmanager
async def running_login_server(offer: Iterable[str] = ALL) -> AsyncIterator[LoginServer]:
    """Start one on this machine, without TLS, offering these mechanisms."""
    loop = asyncio.get_running_loop()
    login_server = LoginServer()
    options: dict[str, Any] = {
        "authenticator": login_server.authenticate,
        "auth_require_tls": False,
        "auth_exclude_mechanism": ALL - set(offer),
    }
    protocols: list[Any] = []

    def protocol() -> Any:
        protocols.append(SMTP(login_server, loop=loop, **options))
        return protocols[-1]

    listener = await loop.create_server(protocol, "127.0.0.1")
    login_server.port = listener.sockets[0].getsockname()[1]
    try:
        yield login_server
    finally:
        listener.close()
        for each in protocols:
            if isinstance(each.transport, asyncio.WriteTransport):
                each.transport.abort()
        await asyncio.sleep(0.01)


@asynccontextmanager
async def greeted_client(port: int) -> AsyncIterator[aiosmtplib.SMTP]:
    """Connect to a server of this machine and say EHLO, no more."""
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=5)
    await client.connect()
    await client.ehlo()
    try:
        yield client
    finally:
        client.close()
