"""The settings of TLS as the ssl module gets them, and against real servers."""

import ssl
from collections.abc import Callable
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from idp_smtp_email.tls import TlsOptions, client_context

from idp.connector_kit import ConnectorError, InvalidConfig

Start = Callable[..., Any]


def _client_pem(authority: trustme.CA) -> tuple[str, str]:
    client = authority.issue_cert("idp@example.test")
    chain = "".join(blob.bytes().decode() for blob in client.cert_chain_pems)
    return chain, client.private_key_pem.bytes().decode()


def test_verification_is_on_by_default() -> None:
    context = client_context(TlsOptions.parse({}))
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_versions_and_ciphers_reach_the_context() -> None:
    cipher_name = "ECDHE-RSA-AES128-GCM-SHA256"
    options = {"minVersion": "TLSv1", "maxVersion": "TLSv1.2", "ciphers": cipher_name}
    context = client_context(TlsOptions.parse(options))
    assert context.minimum_version is ssl.TLSVersion.TLSv1
    assert context.maximum_version is ssl.TLSVersion.TLSv1_2
    names = {cipher["name"] for cipher in context.get_ciphers() if cipher["protocol"] != "TLSv1.3"}
    assert names == {cipher_name}


def test_own_authorities_replace_the_system_s(authority_pem: str) -> None:
    context = client_context(TlsOptions.parse({"ca": [authority_pem]}))
    assert len(context.get_ca_certs()) == 1


def test_a_key_of_another_certificate_is_refused(authority: trustme.CA) -> None:
    cert, _ = _client_pem(authority)
    _, other_key = _client_pem(authority)
    with pytest.raises(InvalidConfig, match="do not belong together") as caught:
        client_context(TlsOptions.parse({"cert": cert, "key": other_key}))
    assert "tls.key" in caught.value.problems
    assert other_key not in str(caught.value)


def test_a_protected_key_is_opened_with_its_passphrase(authority: trustme.CA) -> None:
    cert, pem = _client_pem(authority)
    key = load_pem_private_key(pem.encode(), None)
    locked = BestAvailableEncryption(b"hush-1")
    protected = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked).decode()
    options = {"cert": cert, "key": protected}
    assert client_context(TlsOptions.parse({**options, "passphrase": "hush-1"}))
    for passphrase in ("", "hush-2"):
        with pytest.raises(InvalidConfig, match="do not belong together") as caught:
            client_context(TlsOptions.parse({**options, "passphrase": passphrase}))
        assert "hush" not in repr(caught.value)


@pytest.mark.parametrize("is_implicit", [True, False])
async def test_a_client_certificate_is_shown(
    mail_server: Start,
    connect: Start,
    request_for: Start,
    authority: trustme.CA,
    is_implicit: bool,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    cert, key = _client_pem(authority)
    ca = authority.cert_pem.bytes().decode()
    options = {"implicit_tls": context} if is_implicit else {"tls_context": context}
    async with mail_server(**options) as server:
        tls = {"ca": ca, "cert": cert, "key": key}
        await connect(server.port, secure=is_implicit, tls=tls).send(request_for())
        with pytest.raises(ConnectorError, match=r"TLS|hung up"):
            await connect(server.port, secure=is_implicit, tls={"ca": ca}).send(request_for())
    assert len(server.emails) == 1
