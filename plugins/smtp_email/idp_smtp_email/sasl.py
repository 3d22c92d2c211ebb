"""The mechanisms of SMTP AUTH (RFC 4954), each as what the client says to what the server says."""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Generator

from aiosmtplib import SMTP, SMTPResponse

from idp_smtp_email.scram import escape_name

Exchange = Generator[bytes | None, bytes, None]
"""The client's messages; None comes first where the server begins."""

_CONTINUE = 334
_CANCEL = b"*"


def plain(user: str, password: str) -> Exchange:
    """RFC 4616."""
    yield f"\0{user}\0{password}".encode()


def login(user: str, password: str) -> Exchange:
    """Answer two questions, whatever their wording (draft-murchison-sasl-login)."""
    yield None
    yield user.encode()
    yield password.encode()


def cram_md5(user: str, password: str) -> Exchange:
    """RFC 2195."""
    challenge = yield None
    digest = hmac.digest(password.encode(), challenge, "md5").hex()
    yield f"{user} {digest}".encode()


def xoauth2(user: str, access_token: str) -> Exchange:
    """Send Google's precursor of OAUTHBEARER; an error comes as a challenge to be acknowledged."""
    yield f"user={user}\1auth=Bearer {access_token}\1\1".encode()
    yield b""


def oauthbearer(user: str, access_token: str, host: str, port: int) -> Exchange:
    """RFC 7628; an error comes as a challenge to be acknowledged (§3.2.3)."""
    name = escape_name(user)
    yield f"n,a={name},\1host={host}\1port={port}\1auth=Bearer {access_token}\1\1".encode()
    yield b"\1"


async def authenticate(client: SMTP, mechanism: str, exchange: Exchange) -> SMTPResponse:
    """Go through one exchange and return the server's last reply."""
    message = next(exchange)
    initial = [] if message is None else [base64.b64encode(message) or b"="]
    reply = await client.execute_command(b"AUTH", mechanism.encode(), *initial)
    while reply.code == _CONTINUE:
        challenge = _challenge(reply.message)
        # SCRAM computes for milliseconds on purpose.
        message = await asyncio.to_thread(_answer, exchange, challenge)
        if message is None:
            return await client.execute_command(_CANCEL)
        reply = await client.execute_command(base64.b64encode(message))
    if is_success(reply):
        # A success that comes early is none if the server still has something to prove.
        _answer(exchange, b"")
    return reply


def is_success(reply: SMTPResponse) -> bool:
    """Accept what nodemailer accepts: RFC 4954 says 235, some servers say 250."""
    return reply.code // 100 == 2


def _answer(exchange: Exchange, challenge: bytes) -> bytes | None:
    try:
        return exchange.send(challenge)
    except StopIteration:
        return None


def _challenge(text: str) -> bytes:
    octets = text.encode("ascii", "replace")
    try:
        return base64.b64decode(octets, validate=True)
    except binascii.Error:
        return octets  # a bare "Username:", which needs no reading
