"""Back-channel logout: which clients are told, and what."""

from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import KeySet
from sqlmodel import Session, select

from idp.accounts.logout_notices import promise_logouts
from idp.accounts.sessions import end_everything, sign_out
from idp.accounts.users import delete_user
from idp.oidc.logout_tokens import EVENT, LogoutChannel, logout_token
from idp.storage.tables import Client, Message
from tests.oidc.conftest import ISSUER, Site, answered

ADDRESS = "https://app.example/logout"
TOLD = {"client_id": "web", "algorithm": "ES256", "sub": "alice", "sid": "s"}


def _promised(site: Site) -> list[tuple[str, str, str]]:
    """Return the clients that are told something, about which session and where."""
    secrets = site.provider.secrets

    def read(session: Session) -> list[tuple[str, str, str]]:
        found = session.exec(select(Message).order_by(Message.id)).all()
        opened = [(secrets.open_json(row.payload or ""), row.recipient) for row in found]
        return sorted((told["client_id"], told["sid"], secrets.open(to)) for told, to in opened)

    return site.work(read)


def _used_session(site: Site) -> tuple[str, str]:
    """Return person and session after signing in to two clients that want to be told."""
    site.change(Client, backchannel_logout_uri=ADDRESS)
    claims = site.claims(site.tokens()["id_token"])
    answered(site.authorize())
    answered(site.authorize(client_id="old"))
    return claims["sub"], claims["sid"]


def test_the_clients_of_the_session_that_want_to_know_are_told_once(site: Site) -> None:
    _, sid = _used_session(site)
    site.work(sign_out, site.provider.outbox, sid)
    site.work(sign_out, site.provider.outbox, sid)
    assert _promised(site) == [("old", sid, ADDRESS), ("web", sid, ADDRESS)]


def test_a_client_that_does_not_want_to_know_is_not_told(site: Site) -> None:
    _, sid = _used_session(site)
    site.change(Client, backchannel_logout_uri=None)
    site.work(sign_out, site.provider.outbox, sid)
    assert _promised(site) == []


def test_the_end_of_another_session_is_not_told(site: Site) -> None:
    user_id, sid = _used_session(site)
    site.work(end_everything, site.provider.outbox, user_id, but=sid)
    site.work(sign_out, site.provider.outbox, "another")
    assert _promised(site) == []


def test_clients_are_told_of_every_session_when_a_person_is_deleted(site: Site) -> None:
    user_id, first = _used_session(site)
    _, second = _used_session(site)
    site.work(delete_user, site.provider.outbox, user_id)
    sessions = {sid for _, sid, _ in _promised(site)}
    assert sessions == {first, second}


def test_nothing_is_promised_when_the_transaction_fails(site: Site) -> None:
    _used_session(site)

    def fail(session: Session) -> None:
        promise_logouts(session, site.provider.outbox)
        session.flush()
        session.rollback()

    site.work(fail)
    assert _promised(site) == []


def test_a_logout_token_says_who_left_which_session(site: Site) -> None:
    token = logout_token(ISSUER, site.provider.keys, TOLD)
    keys = KeySet.import_key_set(site.browser.get("/oidc/jwks").json())
    decoded = jwt.decode(token, keys, algorithms=["ES256"])
    assert decoded.header["typ"] == "logout+jwt"
    claims = decoded.claims
    assert {name: claims[name] for name in ("iss", "sub", "aud", "sid", "events")} == {
        "iss": ISSUER,
        "sub": "alice",
        "aud": "web",
        "sid": "s",
        "events": {EVENT: {}},
    }
    assert claims["exp"] - claims["iat"] == 120
    assert claims["jti"]
    assert "nonce" not in claims


def test_a_logout_token_is_no_id_token(site: Site) -> None:
    token = logout_token(ISSUER, site.provider.keys, TOLD | {"algorithm": "RS256"})
    assert site.provider.keys.read_id_token(token) is None


def test_every_attempt_has_a_token_of_its_own(site: Site) -> None:
    provider = site.provider
    channel = LogoutChannel(provider.settings, provider.database, provider.secrets)
    assert site.browser.portal
    posts = [site.browser.portal.call(channel.compose, TOLD) for _ in range(2)]
    tokens = [parse_qs(post.body.decode())["logout_token"] for post in posts]
    assert tokens[0] != tokens[1]
