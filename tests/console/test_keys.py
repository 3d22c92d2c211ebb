"""Keys at the console: shown without their private half, rotated, and not twice in an hour."""

from administrator import Administrator
from sqlmodel import Session, update

from idp.oidc.keys import list_keys
from idp.plugins import PluginReport
from idp.storage.tables import SigningKey, SigningKeyState, now

ROTATE = "/console/keys/rotate"


def keys(administrator: Administrator, state: SigningKeyState) -> set[str]:
    rows = administrator.site.work(list_keys)
    return {key.kid for key in rows if key.state is state}


def published(administrator: Administrator) -> set[str]:
    answer = administrator.site.client.get("/oidc/jwks").json()
    return {key["kid"] for key in answer["keys"]}


def let_time_pass(session: Session) -> None:
    session.exec(update(SigningKey).values(created_at=now().replace(year=2020)))


def test_every_key_is_shown_and_no_private_half(administrator: Administrator) -> None:
    page = administrator.person.open("/console/keys").text
    for kid in published(administrator):
        assert page.count(kid) == 2  # in the table and in the JWK Set
    assert "&#34;d&#34;" not in page


def test_a_rotation_moves_every_key_and_is_published_at_once(administrator: Administrator) -> None:
    signs_next = keys(administrator, SigningKeyState.NEXT)
    assert "Rotated." in administrator.person.client.post(ROTATE).text
    assert keys(administrator, SigningKeyState.CURRENT) == signs_next
    assert keys(administrator, SigningKeyState.NEXT) <= published(administrator)
    [entry] = administrator.log("key.rotate")
    assert entry.details == {"early": False}


def test_a_second_rotation_within_the_hour_must_be_meant(administrator: Administrator) -> None:
    administrator.person.client.post(ROTATE)
    current = keys(administrator, SigningKeyState.CURRENT)
    refused = administrator.person.client.post(ROTATE)
    assert refused.status_code == 422
    assert "a key was stolen" in refused.text
    assert keys(administrator, SigningKeyState.CURRENT) == current
    assert administrator.person.client.post(ROTATE, data={"early": "on"}).status_code == 200
    assert keys(administrator, SigningKeyState.CURRENT) != current
    last, middle, first = administrator.log("key.rotate")
    assert middle.refused
    assert (first.details, last.details) == ({"early": False}, {"early": True})


def test_an_hour_later_the_keys_are_rotated_again(administrator: Administrator) -> None:
    administrator.person.client.post(ROTATE)
    administrator.site.work(let_time_pass)
    assert administrator.person.client.post(ROTATE).status_code == 200


def test_plugins_are_shown_with_what_they_bring(administrator: Administrator) -> None:
    page = administrator.person.open("/console/plugins").text
    assert "smtp_email" in page
    assert "idp_register_email_connectors" in page
    assert 'href="/console/connectors/new/simple-mail-transfer-protocol"' in page


def test_a_plugin_that_is_not_used_says_why(administrator: Administrator) -> None:
    broken = PluginReport("broken", "idp-broken", "1.0", problem="ImportError: no module brk")
    administrator.site.server.plugins.reports.append(broken)
    page = administrator.person.open("/console/plugins").text
    assert "It is not used. ImportError: no module brk" in page
