"""Overview, deliveries and the audit log, as they are without JavaScript."""

import pytest
from administrator import Administrator
from sqlmodel import Session

from idp.administration.audit import Actor, record
from idp.administration.delivery_search import Wanted, search
from idp.connectors import list_connectors
from idp.storage.tables import Message, MessageState

ADDRESS = "newcomer@example.test"


def promised(administrator: Administrator, **values: object) -> Message:
    """Have a mail sent to a newcomer, and return what is kept of it, changed like this."""
    newcomer = administrator.site.person()
    newcomer.open("/register")
    newcomer.fill(email=ADDRESS)
    newcomer.mails(ADDRESS)
    site = administrator.site
    [message] = site.work(search, Wanted()).messages

    def change(session: Session) -> None:
        row = session.get_one(Message, message.id)
        for name, value in values.items():
            setattr(row, name, value)

    site.work(change)
    return message


def test_the_overview_says_what_is_left_to_do(administrator: Administrator) -> None:
    page = administrator.person.open("/console").text
    assert "A mail sent within the last day" in page
    assert "None among the newest attempts." in page


def test_the_overview_counts_the_mails_of_the_day(administrator: Administrator) -> None:
    promised(administrator, state=MessageState.FAILED)
    assert "0 mails sent and 1 failed within 24 hours" in administrator.person.open("/console").text


def test_a_delivery_names_neither_recipient_nor_code(administrator: Administrator) -> None:
    message = promised(administrator)
    code = administrator.site.person().mails(ADDRESS)[0].text.rstrip().rpartition("#")[2]
    for path in ("/console/deliveries", f"/console/deliveries/{message.id}"):
        page = administrator.person.open(path).text
        assert "n***@example.test" in page
        assert ADDRESS not in page
        assert code not in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        (f"to={ADDRESS.upper()}", True),
        ("to=newcomer", False),
        ("state=failed", False),
        ("usage_type=Register", True),
        ("usage_type=SignIn", False),
        ("since=2020-01-01T00:00", True),
        ("until=2020-01-01T00:00", False),
        ("since=yesterday&state=lost", True),
    ],
)
def test_deliveries_are_found(administrator: Administrator, query: str, shown: bool) -> None:
    message = promised(administrator)
    page = administrator.person.open(f"/console/deliveries?{query}").text
    assert (f"/console/deliveries/{message.id}" in page) is shown


def test_a_waiting_mail_is_cancelled_and_that_is_audited(administrator: Administrator) -> None:
    message = promised(administrator, state=MessageState.PROMISED, ended_at=None)
    administrator.person.open(f"/console/deliveries/{message.id}")
    assert "cancelled" in administrator.person.press("/cancel").text
    assert [entry.target_id for entry in administrator.log("delivery.cancel")] == [message.id]


@pytest.mark.parametrize("action", ["retry", "cancel"])
def test_a_mail_that_has_ended_stays_as_it_is(administrator: Administrator, action: str) -> None:
    message = promised(administrator, state=MessageState.SENT)
    client = administrator.person.client
    page = client.post(f"/console/deliveries/{message.id}/{action}").text
    assert "That is not possible" in page
    [entry] = administrator.log(f"delivery.{action}")
    assert (entry.refused, entry.target_id) == (True, message.id)


def test_a_delivery_that_is_not_there_is_not_found(administrator: Administrator) -> None:
    assert administrator.person.open("/console/deliveries/nothing").status_code == 404


def test_the_audit_log_says_who_did_what(administrator: Administrator) -> None:
    [keeper] = administrator.site.work(list_connectors)
    administrator.person.client.post(f"/console/connectors/{keeper.id}/move", data={"place": "0"})
    page = administrator.person.open("/console/audit?action=connector.move").text
    assert "root@example.test" in page
    assert keeper.id in page
    assert "administrator.accept" not in page


def test_a_test_that_went_well_is_in_the_audit_log(administrator: Administrator) -> None:
    [keeper] = administrator.site.work(list_connectors)
    test = {"mode": "form", "do": "test", "to": "me@example.test", "usage_type": "SignIn"}
    administrator.person.client.post(f"/console/connectors/{keeper.id}", data=test)
    page = administrator.person.open("/console/audit")
    assert (page.status_code, "connector.test" in page.text) == (200, True)


def test_the_audit_log_goes_on_page_by_page(administrator: Administrator) -> None:
    for _ in range(51):
        administrator.site.work(record, Actor("cli"), "connector.move")
    first = administrator.person.open("/console/audit").text
    assert first.count("<code>connector.move</code>") == 50
    older = first.rpartition("before=")[2].partition('"')[0]
    second = administrator.person.open(f"/console/audit?before={older}").text
    assert second.count("<code>connector.move</code>") == 1
