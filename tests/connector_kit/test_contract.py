"""Tests of what every connector inherits."""

from datetime import UTC, datetime

import pytest

from idp.connector_kit import (
    ConnectorError,
    EmailConnector,
    EmailRequest,
    InvalidConfig,
    PermanentFailure,
    ProviderReply,
    RateLimited,
    TransientFailure,
    UsageType,
)
from idp.connector_kit.testing import MemoryConfig, MemoryEmailConnector

REQUEST = EmailRequest(
    to="reader@example.test",
    usage_type=UsageType.SIGN_IN,
    payload={"code": "428913"},
    deadline=datetime(2030, 1, 1, tzinfo=UTC),
)


class RefusingConnector(MemoryEmailConnector):
    failure: Exception = PermanentFailure("The mailbox is full.", reason="mailbox_full")

    async def send(self, request: EmailRequest) -> None:  # type: ignore[override]
        raise self.failure


class DefectiveConnector(RefusingConnector):
    failure = ZeroDivisionError("defect")


async def test_a_probe_sends_for_real_and_tells_the_reply() -> None:
    class Connector(MemoryEmailConnector):
        pass

    [step] = await Connector(MemoryConfig()).probe(REQUEST)
    assert (step.name, step.ok, step.detail, step.advice) == ("send", True, "kept in memory", None)
    assert step.seconds > 0
    assert [email.recipient for email in Connector.sent] == ["reader@example.test"]


async def test_a_failed_probe_gives_the_reason_as_advice() -> None:
    [step] = await RefusingConnector(MemoryConfig()).probe(REQUEST)
    assert (step.name, step.ok, step.advice) == ("send", False, "The mailbox is full.")


async def test_a_defect_is_not_taken_for_an_answer_of_the_provider() -> None:
    with pytest.raises(ZeroDivisionError):
        await DefectiveConnector(MemoryConfig()).probe(REQUEST)


async def test_closing_does_nothing_unless_a_connector_holds_something() -> None:
    connector = MemoryEmailConnector(MemoryConfig())
    await connector.aclose()
    await connector.aclose()


def test_a_connector_says_nothing_of_itself_unless_it_wants_to() -> None:
    assert MemoryEmailConnector(MemoryConfig()).gauges() == {}


def test_a_connector_without_send_cannot_be_made() -> None:
    class Unfinished(EmailConnector[MemoryConfig]):
        pass

    with pytest.raises(TypeError, match="send"):
        Unfinished(MemoryConfig())  # type: ignore[abstract]


def test_a_request_shows_no_code() -> None:
    assert "428913" not in repr(REQUEST)


def test_errors_carry_what_the_server_decides_by() -> None:
    reply = ProviderReply(text="slow down", reply_code=450, enhanced_code="4.7.1", stage="rcpt")
    limited = RateLimited("Too many mails.", retry_after=30, reply=reply)
    assert isinstance(limited, TransientFailure)
    assert (limited.retry_after, limited.reply) == (30, reply)
    assert PermanentFailure("No.").reason == "refused"
    assert InvalidConfig("No.").problems == {}
    assert ConnectorError("No.").reply == ProviderReply()
