"""A token endpoint that answers as it is told, and keeps what it was asked."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)


@dataclass
class TokenEndpoint:
    """Grants "access-1", "access-2", ... for an hour, unless `answers` holds something else."""

    url: str = ""
    answers: list[tuple[int, object]] = field(default_factory=list)
    """Status and body of the next answers; a body that is not bytes is sent as JSON."""
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            assert head.startswith("post /token http/1.1")
            assert "content-type: application/x-www-form-urlencoded" in head
            size = int(head.partition("content-length:")[2].split()[0])
            self.requests.append(dict(parse_qsl((await reader.readexactly(size)).decode())))
            await self.may_answer.wait()
            status, body = self._answer()
            writer.write(self._response(status, body))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    def _answer(self) -> tuple[int, object]:
        if self.answers:
            return self.answers.pop(0)
        return 200, {"access_token": f"access-{len(self.requests)}", "expires_in": 3600}

    def _response(self, status: int, body: object) -> bytes:
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Length: {len(octets)}", "Connection: close", "", ""]
        return "\r\n".join([f"HTTP/1.1 {status} Told", *lines]).encode() + octets


@asynccontextmanager
async def running_token_endpoint(tls: ssl.SSLContext | None = None) -> AsyncIterator[TokenEndpoint]:
    """Start one on this machine."""
    endpoint = TokenEndpoint()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(endpoint.serve(reader, writer)))

    listener = await asyncio.start_server(accept, "127.0.0.1", ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    endpoint.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/token"
    try:
        yield endpoint
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """Return a key to sign assertions with; making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def rsa_pem(passphrase: str | None = None) -> str:
    """Return that key as an administrator pastes it."""
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        encryption = BestAvailableEncryption(passphrase.encode())
    return rsa_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()
