"""Device codes (RFC 8628): a device shows a code, its person types it elsewhere."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from idp.oidc.client_metadata import DEVICE_CODE
from idp.storage.tables import DeviceAuthorization, Grant, now
from tests.oidc.conftest import ISSUER, Site, answered, register


class Device:
    """A television: it shows a code and asks."""

    def __init__(self, site: Site, **form: str) -> None:
        self.site = site
        asked = {"client_id": "tv", "scope": "openid email offline_access write:things", **form}
        self.shown: dict[str, Any] = site.browser.post("/oidc/device", data=asked).json()

    def ask(self, client_id: str = "tv") -> httpx2.Response:
        device_code = self.shown["device_code"]
        form = {"grant_type": DEVICE_CODE, "device_code": device_code, "client_id": client_id}
        return self.site.browser.post("/oidc/token", data=form)

    def let_in(self, decision: str = "allow") -> httpx2.Response:
        return self.site.browser.post(
            "/device", data={"user_code": self.shown["user_code"], "decision": decision}
        )


@pytest.fixture
def tv(site: Site) -> Device:
    grant_types = [DEVICE_CODE, "refresh_token"]
    client: dict[str, Any] = {"public": True, "redirect_uris": [], "grant_types": grant_types}
    site.work(register, client_id="tv", name="Television", **client)
    return Device(site)


def test_a_device_learns_what_to_show(tv: Device) -> None:
    user_code = tv.shown["user_code"]
    assert len(user_code) == 9
    assert tv.shown["verification_uri"] == f"{ISSUER}/device"
    assert tv.shown["verification_uri_complete"] == f"{ISSUER}/device?user_code={user_code}"
    assert (tv.shown["expires_in"], tv.shown["interval"]) == (600, 5)


def test_a_person_types_the_code_and_the_device_gets_tokens(site: Site, tv: Device) -> None:
    subject = site.sign_in()
    assert tv.ask().json()["error"] == "authorization_pending"
    typed = tv.shown["user_code"].lower().replace("-", " ")
    page = site.browser.post("/device", data={"user_code": typed})
    assert tv.shown["user_code"] in page.text
    assert "Television" in page.text
    assert tv.let_in().status_code == 200
    tokens = tv.ask().json()
    assert site.claims(tokens["id_token"])["sub"] == subject
    assert tokens["scope"] == "openid email offline_access"
    assert site.userinfo(tokens["access_token"]).json()["email"] == "alice@example.com"
    assert site.refresh(tokens["refresh_token"], client_id="tv").status_code == 200


def test_a_device_code_is_good_once(site: Site, tv: Device) -> None:
    site.sign_in()
    tv.let_in()
    assert tv.ask().status_code == 200
    assert tv.ask().json()["error"] == "invalid_grant"


def test_a_person_may_say_no(site: Site, tv: Device) -> None:
    site.sign_in()
    assert tv.let_in("deny").status_code == 200
    assert tv.ask().json()["error"] == "access_denied"
    assert tv.let_in().status_code == 400


def test_a_device_that_asks_too_often_is_slowed_down(site: Site, tv: Device) -> None:
    assert tv.ask().json()["error"] == "authorization_pending"
    assert tv.ask().json()["error"] == "slow_down"
    site.change(DeviceAuthorization, polled_at=now() - timedelta(seconds=6))
    assert tv.ask().json()["error"] == "slow_down"
    site.change(DeviceAuthorization, polled_at=now() - timedelta(seconds=60))
    assert tv.ask().json()["error"] == "authorization_pending"


def test_a_code_nobody_typed_in_time_ends(site: Site, tv: Device) -> None:
    site.sign_in()
    site.change(DeviceAuthorization, expires_at=now())
    assert tv.let_in().status_code == 400
    assert tv.ask().json()["error"] == "expired_token"


def test_what_was_given_may_end_before_the_device_asks(site: Site, tv: Device) -> None:
    site.sign_in()
    tv.let_in()
    site.change(Grant, revoked_at=now())
    assert tv.ask().json()["error"] == "invalid_grant"


def test_a_device_code_works_for_the_device_that_got_it(site: Site, tv: Device) -> None:
    grant_types = [DEVICE_CODE]
    other: dict[str, Any] = {"public": True, "redirect_uris": [], "grant_types": grant_types}
    site.work(register, client_id="fridge", name="Fridge", **other)
    assert tv.ask("fridge").json()["error"] == "invalid_grant"


def test_only_clients_that_were_registered_for_it_get_a_code(site: Site) -> None:
    assert Device(site, client_id="native").shown["error"] == "unauthorized_client"
    assert Device(site, client_id="nobody").shown["error"] == "invalid_client"
    response = site.call("token", "web", grant_type=DEVICE_CODE, device_code="unknown")
    assert response.json()["error"] == "unauthorized_client"


@pytest.mark.parametrize("typed", ["BCDF-GHJK", "", "<b>", "\u00e9" * 30])
def test_a_wrong_code_is_told(site: Site, tv: Device, typed: str) -> None:
    site.sign_in()
    page = site.browser.post("/device", data={"user_code": typed})
    assert page.status_code == 400
    assert "<b>" not in page.text


def test_a_link_decides_nothing(site: Site, tv: Device) -> None:
    site.sign_in()
    user_code = tv.shown["user_code"]
    sent = {"user_code": user_code, "decision": "allow"}
    page = site.browser.get("/device", params=sent)
    assert f'value="{user_code}"' in page.text
    assert tv.ask().json()["error"] == "authorization_pending"


def test_who_is_not_signed_in_is_asked_to_and_decides_nothing(site: Site, tv: Device) -> None:
    response = tv.let_in()
    assert response.headers["location"].startswith("/sign-in?interaction=")
    assert tv.ask().json()["error"] == "authorization_pending"


def test_who_had_to_sign_in_comes_back_with_the_code_that_was_typed(site: Site, tv: Device) -> None:
    user_code = tv.shown["user_code"]
    asked = site.browser.get("/device", params={"user_code": user_code})
    site.sign_in()
    back = site.resume(answered(asked)["interaction"])
    assert back.headers["location"] == f"/device?user_code={user_code}"
    page = site.browser.get(back.headers["location"])
    assert f'value="{user_code}"' in page.text


def test_another_browser_does_not_go_on_there(site: Site, tv: Device) -> None:
    interaction = answered(tv.let_in())["interaction"]
    site.browser.cookies.clear()
    site.sign_in()
    assert site.resume(interaction).status_code == 400


def test_what_waits_at_the_page_for_devices_is_no_request_to_consent_to(
    site: Site, tv: Device
) -> None:
    interaction = answered(tv.let_in())["interaction"]
    site.sign_in()
    page = site.browser.get("/oidc/consent", params={"interaction": interaction})
    assert page.status_code == 400
