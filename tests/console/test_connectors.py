"""Connectors at the console: settings typed, tried out, saved, ordered and removed."""

import json
from typing import Any

import pytest
from administrator import Administrator

from idp.accounts.sign_in_experience import SignInMode, load_experience
from idp.connector_kit.shipped_templates import shipped_templates
from idp.connectors import list_connectors, save_connector
from idp.storage.tables import Connector

SMTP = "simple-mail-transfer-protocol"
NEW = f"/console/connectors/new/{SMTP}"
OTHER = "help@example.test"
SECRET = "correct horse battery"
TEMPLATES = [each.model_dump(by_alias=True) for each in shipped_templates("en")]
SETTINGS = {
    "host": "127.0.0.1",
    "port": 1,
    "auth": {"user": "postmaster", "pass": SECRET},
    "ignoreTLS": True,
    "fromEmail": "idp@example.test",
    "templates": TEMPLATES,
}
TYPED = {
    "mode": "form",
    "config.host": "127.0.0.1",
    "config.port": "1",
    "config.auth.user": "postmaster",
    "config.auth.pass": SECRET,
    "config.ignoreTLS": "true",
    "config.fromEmail": "idp@example.test",
    "config.templates": json.dumps(TEMPLATES),
}
TEST = {"do": "test", "to": "me@example.test", "usage_type": "SignIn", "locale": ""}


def add_smtp(administrator: Administrator) -> Connector:
    site = administrator.site
    connector = site.server.plugins.connectors[SMTP]
    secrets = site.server.secrets
    return site.work(save_connector, secrets, connector, SETTINGS, append=True)


def saved(administrator: Administrator, place: int = -1) -> dict[str, Any]:
    instance = administrator.site.work(list_connectors)[place]
    return administrator.site.server.secrets.open_json(instance.config)


def post(administrator: Administrator, path: str, **fields: str) -> Any:
    return administrator.person.client.post(path, data=fields)


def test_the_gallery_shows_what_is_installed(administrator: Administrator) -> None:
    page = administrator.person.open("/console/connectors").text
    assert f'href="{NEW}"' in page
    assert "Sends mail through any mail server" in page
    assert administrator.person.open(f"/console/logos/{SMTP}").text.startswith("<svg")


def test_the_form_shows_the_guide_and_the_example(administrator: Administrator) -> None:
    page = administrator.person.open(NEW).text
    assert 'name="config.auth.pass" type="password"' in page
    assert 'placeholder="&lt;host&gt;"' in page
    assert "make an app password" in page
    as_json = administrator.person.open(f"{NEW}?as=json").text
    assert "&#34;greetingTimeout&#34;: 10000" in as_json
    gmail = administrator.person.open(f"{NEW}?service=gmail").text
    assert 'value="smtp.gmail.com"' in gmail


def test_what_is_typed_goes_from_the_form_to_json_and_back(administrator: Administrator) -> None:
    as_json = post(administrator, NEW, **TYPED, do="json").text
    assert "&#34;port&#34;: 1," in as_json
    text = json.dumps(SETTINGS)
    as_form = post(administrator, NEW, mode="json", config=text, do="form").text
    assert 'name="config.host" type="text"' in as_form
    assert 'value="127.0.0.1"' in as_form


def test_settings_are_saved_from_the_form(administrator: Administrator) -> None:
    page = post(administrator, NEW, **TYPED, do="save")
    assert page.url.path == "/console/connectors"
    assert saved(administrator) == SETTINGS
    [entry] = administrator.log("connector.create")
    assert SECRET not in str(entry.details)
    assert "host" in entry.details["changed"]


def test_settings_are_saved_from_json(administrator: Administrator) -> None:
    post(administrator, NEW, mode="json", config=json.dumps(SETTINGS), do="save")
    assert saved(administrator) == SETTINGS


@pytest.mark.parametrize("text", ["{", "[]", "7"])
def test_what_is_no_json_object_is_said_and_kept(administrator: Administrator, text: str) -> None:
    page = post(administrator, NEW, mode="json", config=text, do="save")
    assert page.status_code == 422
    assert f">{text}</textarea>" in page.text
    assert len(administrator.site.work(list_connectors)) == 1


def test_wrong_settings_are_named_at_their_fields(administrator: Administrator) -> None:
    wrong = TYPED | {"config.port": "99999", "config.fromEmail": "nobody"}
    page = post(administrator, NEW, **wrong, do="save")
    assert page.status_code == 422
    for name in ("port", "fromEmail"):
        assert f'id="config-{name}-problem"' in page.text
    assert 'value="99999"' in page.text
    assert len(administrator.site.work(list_connectors)) == 1


def test_a_saved_secret_is_never_shown_and_stays_when_it_is_left_blank(
    administrator: Administrator,
) -> None:
    path = f"/console/connectors/{add_smtp(administrator).id}"
    for query in ("", "?as=json"):
        assert SECRET not in administrator.person.open(path + query).text
    post(
        administrator, path, **TYPED | {"config.auth.pass": "", "config.replyTo": OTHER}, do="save"
    )
    assert saved(administrator) == SETTINGS | {"replyTo": OTHER}
    assert SECRET not in administrator.person.open("/console/audit").text


@pytest.mark.parametrize("do", [{"do": "save"}, TEST])
def test_a_saved_secret_goes_nowhere_else(administrator: Administrator, do: dict[str, str]) -> None:
    path = f"/console/connectors/{add_smtp(administrator).id}"
    blank = TYPED | {"config.auth.pass": "", "config.host": "127.0.0.2"}
    page = post(administrator, path, **blank | do)
    assert page.status_code == 422
    assert "must be given again, as host changed" in page.text
    assert saved(administrator) == SETTINGS
    assert administrator.log("connector.test") == []
    assert post(administrator, path, **blank | {"config.auth.pass": SECRET} | do).is_success


def test_a_setting_left_blank_is_gone(administrator: Administrator) -> None:
    path = f"/console/connectors/{add_smtp(administrator).id}"
    post(administrator, path, **TYPED | {"config.port": ""}, do="save")
    assert "port" not in saved(administrator)


def test_a_secret_that_was_never_saved_cannot_be_kept(administrator: Administrator) -> None:
    config = SETTINGS | {"auth": {"user": "postmaster", "pass": "••••••••"}}
    page = post(administrator, NEW, mode="json", config=json.dumps(config), do="save")
    assert page.status_code == 422
    assert "auth.pass" in page.text


def test_a_test_shows_the_steps_and_saves_nothing(administrator: Administrator) -> None:
    page = post(administrator, NEW, **TYPED, **TEST)
    assert "It did not work." in page.text
    assert 'class="advice"' in page.text
    assert 'value="me@example.test"' in page.text
    assert len(administrator.site.work(list_connectors)) == 1
    [entry] = administrator.log("connector.test")
    assert "me@example.test" not in str(entry.details)


def test_a_script_gets_the_same_steps_as_json(administrator: Administrator) -> None:
    client = administrator.person.client
    headers = {"Accept": "application/json"}
    answer = client.post(NEW, data=TYPED | TEST, headers=headers).json()
    assert [step["ok"] for step in answer["steps"]][-1] is False
    assert answer["steps"][-1]["advice"]
    wrong = client.post(NEW, data=TYPED | TEST | {"to": "nobody"}, headers=headers).json()
    assert wrong["steps"] == []
    assert wrong["problems"]


def test_a_test_of_saved_settings_uses_the_saved_secret(administrator: Administrator) -> None:
    path = f"/console/connectors/{add_smtp(administrator).id}"
    page = post(administrator, path, **TYPED | {"config.auth.pass": ""} | TEST)
    assert "It did not work." in page.text
    assert "Nothing was saved" not in page.text


def test_the_mail_of_a_test_is_sent_the_way_every_mail_is(administrator: Administrator) -> None:
    [keeper] = administrator.site.work(list_connectors)
    page = post(administrator, f"/console/connectors/{keeper.id}", mode="form", **TEST)
    assert "The mail was accepted." in page.text
    [mail] = administrator.site.inbox("me@example.test")
    assert "482913" in mail.text


def test_the_order_of_failover_is_changed(administrator: Administrator) -> None:
    smtp = add_smtp(administrator)
    post(administrator, f"/console/connectors/{smtp.id}/move", place="0")
    assert administrator.site.work(list_connectors)[0].id == smtp.id
    assert administrator.log("connector.move")


def test_the_last_connector_is_in_use_and_stays(administrator: Administrator) -> None:
    smtp = add_smtp(administrator)
    assert post(administrator, f"/console/connectors/{smtp.id}/remove").status_code == 200
    [keeper] = administrator.site.work(list_connectors)
    page = post(administrator, f"/console/connectors/{keeper.id}/remove")
    assert page.status_code == 422
    assert "It is the last connector that can send" in page.text
    assert len(administrator.site.work(list_connectors)) == 1
    assert [entry.refused for entry in administrator.log("connector.delete")] == [True, False]


def test_codes_by_email_are_turned_on_and_off(administrator: Administrator) -> None:
    path = "/console/connectors/experience"
    assert post(administrator, path, sign_in="on").status_code == 200
    settings = administrator.site.server.settings
    experience = administrator.site.work(load_experience, settings)
    assert experience.sign_in_mode is SignInMode.SIGN_IN
    assert experience.email.verification_code
    assert administrator.site.person().open("/register").status_code == 403
    refused = post(administrator, path, sign_up="on")
    assert refused.status_code == 422
    assert "needs codes by email to sign in" in refused.text
    assert administrator.log("sign-in-exp.update")[0].refused


@pytest.mark.parametrize("path", ["/console/connectors/nothing", "/console/connectors/new/no"])
def test_a_connector_that_is_not_there_is_not_found(
    administrator: Administrator, path: str
) -> None:
    assert administrator.person.open(path).status_code == 404
