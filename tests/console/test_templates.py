"""Wording at the console: where it comes from, typed, looked at, tried out, saved and restored."""

from typing import Any

import pytest
from administrator import Administrator
from form_fields import fields_of
from sqlmodel import Session, delete, update

from idp.administration.audit import Actor
from idp.administration.connectors import move
from idp.administration.email_templates import Filter, Key, templates, versions
from idp.connector_kit import UsageType
from idp.connectors import list_connectors, save_connector
from idp.storage.tables import Connector, CustomTemplate

EDITOR = "/console/templates/de/Register"
TYPED = {
    "subject": "Willkommen: {{code}}",
    "contentType": "text/html",
    "content": "<p>Guten Tag,\r\nIhr Code ist <b>{{code}}</b>.</p>",
    "text": "Ihr Code ist {{code}}.",
    "sendFrom": "",
    "replyTo": "hilfe@example.test",
}
KEY = Key("de", UsageType.REGISTER)


def post(administrator: Administrator, path: str = EDITOR, **fields: str) -> Any:
    return administrator.person.client.post(path, data=fields)


def saved(administrator: Administrator) -> list[CustomTemplate]:
    return administrator.site.work(templates, Filter())


def save(administrator: Administrator, **changes: str) -> Any:
    return post(administrator, **TYPED | changes, do="save")


def instance_id(administrator: Administrator) -> str:
    return str(administrator.site.work(list_connectors)[0].id)


def test_an_empty_cell_names_its_fallback(administrator: Administrator) -> None:
    page = administrator.person.open("/console/templates").text
    assert "Register in de: </span>connector’s</a>" in page
    save(administrator)
    page = administrator.person.open("/console/templates?language=de-AT").text
    assert 'Register in de: </span><strong class="sent">yours' in page
    assert "Register in de-AT: </span>as de</a>" in page


def test_settings_that_no_longer_hold_are_no_wording(administrator: Administrator) -> None:
    site = administrator.site
    broken = site.server.secrets.seal_json({"templates": "none"})

    def spoil(session: Session) -> None:
        session.exec(update(Connector).values(config=broken))

    site.work(spoil)
    page = administrator.person.open("/console/templates").text
    assert 'Register in de: </span><strong class="failed">none' in page


def test_what_is_no_language_is_said(administrator: Administrator) -> None:
    page = administrator.person.open("/console/templates?language=German")
    assert page.status_code == 422
    assert "is no language tag" in page.text


def test_the_editor_begins_with_the_shipped_wording(administrator: Administrator) -> None:
    page = administrator.person.open(EDITOR).text
    assert "E-Mail-Adresse bestätigen" in page
    assert "own Register wording is sent now" in page
    assert "{{issuerHost}}" in page
    now = administrator.person.open(f"{EDITOR}?from=now").text
    assert "E-Mail-Adresse bestätigen" not in now


@pytest.mark.parametrize("path", ["/console/templates/German/Register", "/console/templates/de/No"])
def test_a_wording_that_cannot_be_is_not_found(administrator: Administrator, path: str) -> None:
    assert administrator.person.open(path).status_code == 404
    assert post(administrator, path, **TYPED, do="save").status_code == 404


def test_a_wording_is_saved_and_sent_to_who_reads_german(administrator: Administrator) -> None:
    assert save(administrator).url.path == "/console/templates"
    [entry] = administrator.log("email-template.save")
    assert entry.target_id == "de:Register"
    newcomer = administrator.site.person()
    newcomer.open("/register?ui_locales=de")
    newcomer.fill(email="neu@example.test")
    [mail] = newcomer.mails("neu@example.test")
    assert str(mail.headers["Subject"]).startswith("Willkommen: ")
    assert mail.text.startswith("Ihr Code ist ")
    assert str(mail.headers["Reply-To"]) == "hilfe@example.test"


def test_of_two_who_write_at_once_one_is_told(administrator: Administrator) -> None:
    opened = fields_of(administrator.person.open(EDITOR).text)
    mine = TYPED | {"do": "save", "seal": opened["seal"]}
    assert post(administrator, **mine).is_success
    late = post(administrator, **mine | {"subject": "Late {{code}}"})
    assert late.status_code == 422
    assert "Somebody else saved it since you opened it" in late.text
    assert "Late {{code}}" in late.text
    assert saved(administrator)[0].template["subject"] == TYPED["subject"]
    again = fields_of(administrator.person.open(EDITOR).text)["seal"]
    assert post(administrator, **mine | {"seal": again}).is_success


def test_line_ends_and_blanks_are_saved_as_a_template_has_them(
    administrator: Administrator,
) -> None:
    save(administrator, text=" ")
    [row] = saved(administrator)
    assert "\r" not in row.template["content"]
    assert (row.template["text"], row.template["sendFrom"]) == (None, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", ""),
        ("content", "no code"),
        ("content", "<p>{{code}}<a " * 5000),
        ("content", "{{code}}" + "x" * 100_000),
        ("contentType", "text/markdown"),
        ("replyTo", "nobody"),
    ],
)
def test_what_no_mail_can_say_is_refused_at_its_field(
    administrator: Administrator, field: str, value: str
) -> None:
    page = save(administrator, **{field: value})
    assert page.status_code == 422
    assert f'id="{field}-problem"' in page.text
    assert "Nothing was saved or sent." in page.text
    assert saved(administrator) == []
    assert [entry.refused for entry in administrator.log("email-template.save")] == [True]


def test_a_check_shows_findings_and_saves_nothing(administrator: Administrator) -> None:
    page = post(administrator, **TYPED | {"content": "{{code}} {{nickname}}"}, do="check")
    assert page.status_code == 200
    assert "{{nickname}} is filled by a plugin or by nobody" in page.text
    assert saved(administrator) == []
    client = administrator.person.client
    json = client.post(EDITOR, data=TYPED | {"do": "check"}, headers={"Accept": "application/json"})
    assert json.json() == {"findings": []}


def test_a_test_sends_the_unsaved_wording(administrator: Administrator) -> None:
    test = {"do": "test", "to": "me@example.test", "connector": instance_id(administrator)}
    page = post(administrator, **TYPED | test)
    assert "The mail was accepted." in page.text
    [mail] = administrator.site.inbox("me@example.test")
    assert str(mail.headers["Subject"]) == "Willkommen: 482913"
    assert saved(administrator) == []
    [entry] = administrator.log("email-template.test")
    assert "me@example.test" not in str(entry.details)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("to", "nobody", "email: "),
        ("connector", "none", "There is no connector none."),
        ("connector", "", "No connector can send it: set one up first."),
        ("content", "no code", "holds neither"),
    ],
)
def test_a_test_that_cannot_be_sent_says_why(
    administrator: Administrator, field: str, value: str, said: str
) -> None:
    test = {"do": "test", "to": "me@example.test", "connector": instance_id(administrator)}
    page = post(administrator, **TYPED | test | {field: value})
    assert page.status_code == 422
    assert said in page.text
    assert [entry.refused for entry in administrator.log("email-template.test")] == [True]


def test_a_connector_that_words_mails_itself_says_so(administrator: Administrator) -> None:
    site = administrator.site
    connector = site.server.plugins.connectors["http-email"]
    config = {"endpoint": "https://mail.example.test/send"}
    http = site.work(save_connector, site.server.secrets, connector, config, append=True)
    page = administrator.person.open(f"/console/templates?connector={http.id}").text
    assert "This connector leaves the wording to the provider" in page
    test = {"do": "test", "to": "me@example.test", "connector": str(http.id)}
    assert "HTTP words mails by itself" in post(administrator, **TYPED | test).text
    site.work(move, Actor("cli"), http.id, 0)
    save(administrator)
    assert "Your wording is sent." in administrator.person.open(EDITOR).text


def test_there_may_be_wording_before_there_is_a_connector(administrator: Administrator) -> None:
    def forget(session: Session) -> None:
        session.exec(delete(Connector))

    administrator.site.work(forget)
    page = administrator.person.open("/console/templates").text
    assert "no connector yet" in page
    assert 'Register in de: </span><strong class="failed">none' in page
    assert "Nothing is sent now" in administrator.person.open(EDITOR).text
    assert save(administrator).is_success


def test_a_script_gets_the_steps_of_a_test_as_json(administrator: Administrator) -> None:
    test = {"do": "test", "to": "me@example.test", "connector": instance_id(administrator)}
    client, headers = administrator.person.client, {"Accept": "application/json"}
    answer = client.post(EDITOR, data=TYPED | test, headers=headers).json()
    assert (answer["steps"][-1]["ok"], answer["problems"]) == (True, {})
    wrong = client.post(EDITOR, data=TYPED | test | {"subject": ""}, headers=headers).json()
    assert (wrong["steps"], list(wrong["problems"])) == ([], ["subject"])


def test_a_wording_is_restored_and_deleted(administrator: Administrator) -> None:
    save(administrator)
    save(administrator, subject="Second {{code}}")
    second, first = administrator.site.work(versions, KEY)
    assert second.template
    assert second.template["subject"] == "Second {{code}}"
    assert "Willkommen" in administrator.person.open(f"{EDITOR}?version={first.id}").text
    page = post(administrator, f"{EDITOR}/restore", version=first.id)
    assert "Restored." in page.text
    assert "root@example.test" in page.text
    assert saved(administrator)[0].template["subject"] == TYPED["subject"]
    assert "Deleted." in post(administrator, f"{EDITOR}/delete").text
    assert saved(administrator) == []
    assert len(administrator.log("email-template.delete")) == 1
    gone = administrator.site.work(versions, KEY)[0]
    assert administrator.person.open(f"{EDITOR}?version={gone.id}").status_code == 404
    assert post(administrator, f"{EDITOR}/delete").status_code == 404
    assert administrator.log("email-template.delete")[0].refused


def test_a_version_that_is_not_there_is_refused(administrator: Administrator) -> None:
    page = post(administrator, f"{EDITOR}/restore", version="nothing")
    assert page.status_code == 422
    assert "There is no version nothing." in page.text
    assert administrator.log("email-template.save")[0].refused
    assert administrator.person.open(f"{EDITOR}?version=nothing").status_code == 404


def test_a_notice_is_worded_tried_out_and_sent(administrator: Administrator) -> None:
    path = "/console/templates/en/NewDevice"
    assert "The shipped wording in <code>en</code>" in administrator.person.open(path).text
    notice = {"subject": "A new browser", "content": "<p>{{request.device}} {{link}}</p>"}
    test = {"do": "test", "to": "me@example.test", "connector": instance_id(administrator)}
    typed = TYPED | {"text": ""} | notice
    assert "The mail was accepted." in post(administrator, path, **typed | test).text
    [mail] = administrator.site.inbox("me@example.test")
    assert str(mail.headers["Subject"]) == "A new browser"
    assert mail.text.startswith("Firefox on Linux https://id.example.com/")
    assert post(administrator, path, **typed, do="save").url.path == "/console/templates"
    assert [row.usage_type for row in saved(administrator)] == ["NewDevice"]
