"""Signed requests as Standard Webhooks 1.0.0 describes them ("Signature scheme", "Headers")."""

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Sequence
from secrets import token_hex

from idp.connector_kit import EmailRequest

_PREFIX = "whsec_"


def signing_key(secret: str) -> bytes:
    """Read `whsec_` and base64 of 24 to 64 bytes; raises ValueError without repeating it."""
    encoded = secret.strip().removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        key = b""
    if not secret.strip().startswith(_PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError("must be whsec_ followed by 24 to 64 random bytes in base64")
    return key


def webhook_id(request: EmailRequest) -> str:
    """Return what is the same at every attempt for one mail, and is safe to sign."""
    name = request.idempotency_key or request.message_id or f"msg_{token_hex(16)}"
    # A full stop would make it unclear where the id ends and the timestamp begins.
    is_safe = re.fullmatch(r"[\w-]{1,255}", name, re.ASCII)
    return name if is_safe else hashlib.sha256(name.encode()).hexdigest()


def webhook_headers(name: str, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """Return the headers for an attempt made now; without keys there is no signature."""
    timestamp = str(int(time.time()))
    headers = {"webhook-id": name, "webhook-timestamp": timestamp}
    if keys:
        content = b".".join([name.encode(), timestamp.encode(), body])
        headers["webhook-signature"] = " ".join(_signature(key, content) for key in keys)
    return headers


def _signature(key: bytes, content: bytes) -> str:
    digest = hmac.digest(key, content, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"
