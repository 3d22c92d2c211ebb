"""Signatures as the reference library of Standard Webhooks checks them."""

import re
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from idp_http_email.signature import signing_key, webhook_headers, webhook_id
from standardwebhooks import Webhook, WebhookVerificationError

from idp.connector_kit import EmailRequest, UsageType

KEY = b"open-sesame-77, open-sesame-77"
OTHER = b"another secret of enough bytes"


def named(**names: Any) -> str:
    request = EmailRequest(to="a@x.test", usage_type=UsageType.GENERIC, payload={}, **names)
    return webhook_id(request)


@given(st.binary(min_size=24, max_size=64), st.text())
def test_the_reference_library_takes_every_signature(key: bytes, text: str) -> None:
    body = text.encode(errors="replace")
    headers = webhook_headers("id-1", body, [key])
    Webhook("whsec_" + b64encode(key).decode()).verify(body, headers, json_parse=False)
    sent_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    expected = Webhook(key).sign("id-1", sent_at, body.decode())
    assert headers["webhook-signature"] == expected


@pytest.mark.parametrize("key", [KEY, OTHER])
def test_each_of_two_secrets_is_enough_to_verify(key: bytes) -> None:
    headers = webhook_headers("id-1", b"{}", [KEY, OTHER])
    assert Webhook(key).verify(b"{}", headers) == {}


@pytest.mark.parametrize("change", [{"webhook-id": "id-2"}, {"webhook-timestamp": "1"}])
def test_nothing_signed_can_be_changed(change: dict[str, str]) -> None:
    headers = webhook_headers("id-1", b"{}", [KEY])
    with pytest.raises(WebhookVerificationError):
        Webhook(KEY).verify(b"{}", headers | change)
    with pytest.raises(WebhookVerificationError):
        Webhook(KEY).verify(b"{ }", headers)


def test_without_a_secret_there_is_an_id_and_no_signature() -> None:
    assert set(webhook_headers("id-1", b"{}", [])) == {"webhook-id", "webhook-timestamp"}


def test_a_secret_is_read_with_and_without_padding() -> None:
    secret = "whsec_" + b64encode(KEY[:25]).decode()
    assert secret.endswith("=")
    assert signing_key(secret) == signing_key(secret.rstrip("=")) == KEY[:25]


def test_the_id_is_the_idempotency_key() -> None:
    assert named(idempotency_key="0199-b", message_id="0199-a") == "0199-b"
    assert named(message_id="0199-a") == "0199-a"
    assert re.fullmatch(r"msg_[0-9a-f]{32}", named())


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400))
def test_an_id_is_stable_and_safe_to_sign(key: str) -> None:
    name = named(idempotency_key=key)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name)
    assert name == named(idempotency_key=key)
