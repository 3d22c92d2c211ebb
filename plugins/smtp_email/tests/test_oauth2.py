"""OAuth2: tokens from a real endpoint, shown to a real mail server."""

import asyncio
import base64
import hashlib
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
import trustme
from aiosmtplib import SMTPResponse
from idp_smtp_email import SmtpConfig
from idp_smtp_email.auth import Login
from idp_smtp_email.authentication import Authenticator
from idp_smtp_email.oauth2 import AccessTokens
from joserfc import jwt
from joserfc.jwk import RSAKey
from login_server import USER, LoginServer, greeted_client, running_login_server
from oauth2_endpoint import TokenEndpoint, rsa_key, rsa_pem, running_token_endpoint

from idp.connector_kit import InvalidConfig, TransientFailure

Start = Callable[..., Any]
REFRESH = {"clientId": "client-1", "clientSecret": "hush-secret", "refreshToken": "hush-refresh-1"}
BEARER = {"XOAUTH2", "OAUTHBEARER"}


class Account:
    """A mailbox with OAuth2: its mail server, its token endpoint, and what was handed back."""

    def __init__(self, wire: Start, server: LoginServer, endpoint: TokenEndpoint) -> None:
        self._wire = wire
        self.server = server
        self.endpoint = endpoint
        self.changes: list[object] = []

    async def save(self, change: object) -> None:
        self.changes.append(change)

    def authenticator(self, **auth: object) -> Authenticator:
        return Authenticator(self._config(auth), self.save)

    def access_tokens(self, **auth: object) -> AccessTokens:
        oauth2 = self._config(auth).auth
        assert not isinstance(oauth2, Login)
        return AccessTokens(oauth2, self.save)

    def _config(self, auth: dict[str, object]) -> SmtpConfig:
        given = {"type": "OAuth2", "user": USER, "accessUrl": self.endpoint.url, **auth}
        return SmtpConfig.parse(self._wire(port=self.server.port, auth=given))

    async def log_in(self, authenticator: Authenticator) -> SMTPResponse:
        async with greeted_client(self.server.port) as client:
            return await authenticator.log_in(client)


@pytest.fixture
async def account(wire: Start) -> AsyncIterator[Account]:
    async with running_login_server(BEARER) as server, running_token_endpoint() as endpoint:
        server.access_tokens = {f"access-{number}" for number in range(1, 10)}
        yield Account(wire, server, endpoint)


@pytest.mark.parametrize("mechanism", sorted(BEARER))
async def test_a_refresh_token_buys_the_login(wire: Start, mechanism: str) -> None:
    async with running_login_server({mechanism}) as server, running_token_endpoint() as endpoint:
        server.access_tokens = {"access-1"}
        account = Account(wire, server, endpoint)
        authenticator = account.authenticator(**REFRESH)
        assert (await account.log_in(authenticator)).code == 235
    assert server.logins == [(mechanism, True)]
    assert authenticator.mechanism == mechanism
    assert endpoint.requests == [
        {
            "grant_type": "refresh_token",
            "client_id": "client-1",
            "client_secret": "hush-secret",
            "refresh_token": "hush-refresh-1",
        }
    ]


def verified(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    key = RSAKey.import_key(rsa_key().public_key())
    decoded = jwt.decode(assertion, key, ["RS256", "PS256"])
    return decoded.header, decoded.claims


async def test_a_service_account_signs_for_the_login(account: Account) -> None:
    key = {"key": rsa_pem("hush-passphrase"), "passphrase": "hush-passphrase", "keyId": "k1"}
    authenticator = account.authenticator(serviceClient="1136", privateKey=key)
    assert (await account.log_in(authenticator)).code == 235
    [form] = account.endpoint.requests
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    header, claims = verified(form["assertion"])
    assert header == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert claims["exp"] - claims["iat"] == 300
    assert abs(claims["iat"] - time.time()) < 10
    assert (claims["iss"], claims["sub"]) == ("1136", USER)
    assert (claims["aud"], claims["scope"]) == (account.endpoint.url, "https://mail.google.com/")


async def test_an_application_logs_in_with_its_secret(account: Account) -> None:
    auth = {"clientId": "client-1", "clientSecret": "hush-secret", "scope": "x/.default"}
    assert (await account.log_in(account.authenticator(**auth))).code == 235
    grant = {"grant_type": "client_credentials", "client_id": "client-1", "scope": "x/.default"}
    assert account.endpoint.requests == [{**grant, "client_secret": "hush-secret"}]


async def test_an_application_logs_in_with_its_key(account: Account, authority: trustme.CA) -> None:
    certificate = authority.cert_pem.bytes().decode()
    key = {"key": rsa_pem(), "cert": certificate}
    auth = {"clientId": "client-1", "privateKey": key, "scope": "x/.default"}
    assert (await account.log_in(account.authenticator(**auth))).code == 235
    [form] = account.endpoint.requests
    assert "client_secret" not in form
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert form["client_assertion_type"] == kind
    header, claims = verified(form["client_assertion"])
    assert header["alg"] == "PS256"
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).digest()
    assert base64.urlsafe_b64decode(header["x5t#S256"] + "=") == digest
    assert (claims["iss"], claims["sub"]) == ("client-1", "client-1")
    assert (claims["aud"], len(claims["jti"])) == (account.endpoint.url, 22)


async def test_a_token_is_kept_while_it_is_valid(account: Account) -> None:
    authenticator = account.authenticator(**REFRESH)
    for _ in range(3):
        assert (await account.log_in(authenticator)).code == 235
    assert (len(account.endpoint.requests), len(account.server.logins)) == (1, 3)


@pytest.mark.parametrize("seconds_left", [-25, 0, 25])
async def test_a_token_about_to_expire_is_not_used(account: Account, seconds_left: float) -> None:
    """A peer took a token for valid until 30 seconds after it had expired."""
    expires = int((time.time() + seconds_left) * 1000)
    authenticator = account.authenticator(**REFRESH, accessToken="stale", expires=expires)
    assert (await account.log_in(authenticator)).code == 235
    assert account.server.presented == ["access-1"]


async def test_a_configured_token_is_used_while_it_is_valid(account: Account) -> None:
    expires = int((time.time() + 3600) * 1000)
    authenticator = account.authenticator(**REFRESH, accessToken="access-9", expires=expires)
    assert (await account.log_in(authenticator)).code == 235
    assert (account.server.presented, account.endpoint.requests) == (["access-9"], [])


async def test_a_granted_token_is_renewed_before_it_expires(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    authenticator = account.authenticator(**REFRESH)
    await account.log_in(authenticator)
    now = time.time
    for seconds, requests in ((3530, 1), (3545, 2)):
        monkeypatch.setattr(time, "time", lambda seconds=seconds: now() + seconds)
        await account.log_in(authenticator)
        assert len(account.endpoint.requests) == requests


async def test_a_short_lived_token_serves_more_than_once(account: Account) -> None:
    account.endpoint.answers = [(200, {"access_token": "access-1", "expires_in": "30"})]
    authenticator = account.authenticator(**REFRESH)
    for _ in range(2):
        await account.log_in(authenticator)
    assert len(account.endpoint.requests) == 1


async def test_a_token_without_a_lifetime_is_used_until_rejected(account: Account) -> None:
    account.endpoint.answers = [(200, {"access_token": "access-1"})]
    authenticator = account.authenticator(**REFRESH)
    for _ in range(2):
        await account.log_in(authenticator)
    account.server.access_tokens = {"access-2"}
    assert (await account.log_in(authenticator)).code == 235
    assert account.server.presented == ["access-1"] * 3 + ["access-2"]


@pytest.mark.parametrize("mechanism", sorted(BEARER))
async def test_a_rejected_token_is_renewed_once(wire: Start, mechanism: str) -> None:
    async with running_login_server({mechanism}) as server, running_token_endpoint() as endpoint:
        account = Account(wire, server, endpoint)
        authenticator = account.authenticator(**REFRESH, accessToken="revoked")
        refused = await account.log_in(authenticator)
        again = await account.log_in(authenticator)
    assert (refused.code, again) == (535, refused)
    assert server.logins == [(mechanism, False)] * 2
    assert (server.presented, len(endpoint.requests)) == (["revoked", "access-1"], 1)


async def test_a_rejected_token_that_another_login_renewed_is_not_renewed_again(
    account: Account,
) -> None:
    account.server.access_tokens = {"access-0"}
    authenticator = account.authenticator(**REFRESH, accessToken="access-0")
    await account.log_in(authenticator)
    account.server.access_tokens = {"access-1"}
    replies = await asyncio.gather(*(account.log_in(authenticator) for _ in range(3)))
    assert {reply.code for reply in replies} == {235}
    assert len(account.endpoint.requests) == 1


async def test_an_access_token_alone_is_used_until_rejected(account: Account) -> None:
    authenticator = account.authenticator(accessToken="access-1")
    for _ in range(2):
        assert (await account.log_in(authenticator)).code == 235
    account.server.access_tokens = set()
    for _ in range(2):
        assert (await account.log_in(authenticator)).code == 535
    assert (len(account.server.presented), account.endpoint.requests) == (3, [])


async def test_an_expired_access_token_alone_is_not_shown_to_the_server(account: Account) -> None:
    expires = int(time.time() * 1000) - 1
    authenticator = account.authenticator(accessToken="access-1", expires=expires)
    with pytest.raises(InvalidConfig, match="has expired, and there is no"):
        await account.log_in(authenticator)
    assert account.server.logins == []


async def test_all_who_wait_share_one_refresh(account: Account) -> None:
    account.endpoint.may_answer.clear()
    tokens = account.access_tokens(**REFRESH)
    waiting = [asyncio.create_task(tokens.current()) for _ in range(20)]
    while not account.endpoint.requests:
        await asyncio.sleep(0.005)
    waiting[0].cancel()
    account.endpoint.may_answer.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == ["access-1"] * 19
    assert len(account.endpoint.requests) == 1


async def test_all_who_wait_share_one_error(account: Account) -> None:
    account.endpoint.answers = [(503, b"")]
    tokens = account.access_tokens(**REFRESH)
    waiting = [tokens.current() for _ in range(5)]
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(result) for result in results} == {TransientFailure}
    assert len(account.endpoint.requests) == 1
    assert await tokens.current() == "access-2"


async def test_a_rotated_refresh_token_is_used_and_handed_back(account: Account) -> None:
    for number in (2, 3):
        granted = {"access_token": f"access-{number}", "refresh_token": f"hush-refresh-{number}"}
        account.endpoint.answers.append((200, granted))
    authenticator = account.authenticator(**REFRESH)
    await account.log_in(authenticator)
    account.server.access_tokens = {"access-3"}
    await account.log_in(authenticator)
    sent = [form["refresh_token"] for form in account.endpoint.requests]
    assert sent == ["hush-refresh-1", "hush-refresh-2"]
    tokens = ["hush-refresh-2", "hush-refresh-3"]
    assert account.changes == [{"auth": {"refreshToken": token}} for token in tokens]


async def test_a_rotated_token_is_kept_even_if_nobody_waits_any_more(account: Account) -> None:
    account.endpoint.may_answer.clear()
    account.endpoint.answers = [(200, {"access_token": "access-1", "refresh_token": "new"})]
    authenticator = account.authenticator(**REFRESH)
    login = asyncio.create_task(account.log_in(authenticator))
    while not account.endpoint.requests:
        await asyncio.sleep(0.005)
    login.cancel()
    with suppress(asyncio.CancelledError):
        await login
    account.endpoint.may_answer.set()
    await authenticator.aclose()
    assert account.changes == [{"auth": {"refreshToken": "new"}}]
    await authenticator.aclose()


async def test_the_same_refresh_token_is_not_handed_back(account: Account) -> None:
    granted = {"access_token": "access-1", "refresh_token": "hush-refresh-1"}
    account.endpoint.answers = [(200, granted)]
    await account.log_in(account.authenticator(**REFRESH))
    assert account.changes == []


async def test_a_refresh_token_nobody_asked_for_is_not_handed_back(account: Account) -> None:
    granted = {"access_token": "access-1", "refresh_token": "unasked"}
    account.endpoint.answers = [(200, granted)]
    auth = {"clientId": "client-1", "clientSecret": "hush-secret", "scope": "x/.default"}
    await account.log_in(account.authenticator(**auth))
    assert account.changes == []


async def test_a_token_is_used_to_its_end_while_the_endpoint_is_down(account: Account) -> None:
    account.endpoint.answers = [(503, b"")] * 3
    expires = int((time.time() + 30) * 1000)
    authenticator = account.authenticator(**REFRESH, accessToken="access-9", expires=expires)
    assert (await account.log_in(authenticator)).code == 235
    account.server.access_tokens = set()
    with pytest.raises(TransientFailure):
        await account.log_in(authenticator)


async def test_a_refusing_endpoint_is_not_asked_by_every_mail(account: Account) -> None:
    account.endpoint.answers = [(400, {"error": "invalid_grant"})]
    authenticator = account.authenticator(**REFRESH)
    for _ in range(3):
        with pytest.raises(InvalidConfig, match=r"invalid_grant\): sign in again for a new auth"):
            await account.log_in(authenticator)
    assert (len(account.endpoint.requests), account.server.logins) == (1, [])


async def test_a_server_without_oauth2_is_explained(wire: Start) -> None:
    async with running_login_server({"PLAIN"}) as server, running_token_endpoint() as endpoint:
        account = Account(wire, server, endpoint)
        with pytest.raises(InvalidConfig, match="offers no login with OAuth2, only PLAIN"):
            await account.log_in(account.authenticator(**REFRESH))
    assert endpoint.requests == []


async def test_what_the_server_repeats_holds_no_token(wire: Start, scripted: Start) -> None:
    sent = base64.b64encode(f"user={USER}\1auth=Bearer access-1\1\1".encode()).decode()
    script = {"EHLO": "250-x\r\n250 AUTH XOAUTH2", "AUTH": f"535 5.7.8 bad access-1 in {sent}"}
    async with scripted(**script) as server, running_token_endpoint() as endpoint:
        account = Account(wire, server, endpoint)
        refused = await account.log_in(account.authenticator(accessToken="access-1"))
    assert refused == SMTPResponse(535, "5.7.8 bad *** in ***")
