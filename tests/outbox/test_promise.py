"""A promise: one sealed row in the caller's transaction, and nothing without it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from postman import ADDRESS, CODE, Postman, mail
from sqlmodel import Session, select
from structlog.testing import capture_logs

from idp import hookimpl
from idp.connector_kit import UsageType
from idp.outbox import Outbox
from idp.outbox.wording import save_shipped_templates
from idp.plugins import load_plugins
from idp.settings import Settings
from idp.storage import Secrets
from idp.storage.tables import CustomTemplate, Message, MessageState, now

PayloadOf = Callable[..., Awaitable[dict[str, object]]]


class Surroundings:
    @hookimpl
    def idp_email_payload(self, usage_type: UsageType) -> Mapping[str, object]:
        return {"weather": "fine", "code": "000000", "occasion": usage_type.value}


class NoJson:
    @hookimpl
    def idp_email_payload(self) -> Mapping[str, object]:
        return {"when": datetime.now().astimezone()}


class NoMapping:
    @hookimpl
    def idp_email_payload(self) -> list[str]:
        return ["weather"]


async def test_a_promise_is_a_row_that_waits(postman: Postman) -> None:
    message = await postman.message(await postman.promise())
    assert message.state is MessageState.PROMISED
    assert message.due_at <= now() < message.deadline
    assert postman.secrets.open(message.recipient) == ADDRESS


async def test_a_rolled_back_transaction_promises_nothing(postman: Postman) -> None:
    def promise_and_fail(session: Session) -> None:
        postman.promise_in(session, mail())
        session.flush()
        raise LookupError

    with pytest.raises(LookupError):
        await postman.database.run(promise_and_fail)
    rows = await postman.database.run(lambda session: session.exec(select(Message)).all())
    assert list(rows) == []


async def test_the_carrier_is_told_in_the_callers_transaction(
    postman: Postman, settings: Settings, secrets: Secrets
) -> None:
    told: list[tuple[Session, Message]] = []
    outbox = Outbox(
        settings,
        secrets,
        load_plugins(),
        lambda session, message, _: told.append((session, message)),
    )

    def promise(session: Session) -> bool:
        return [(session, outbox.promise(session, mail()))] == told

    assert await postman.database.run(promise)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_neither_code_nor_address_is_readable_in_the_database_file(
    postman: Postman, tmp_path: Path
) -> None:
    await postman.promise(payload={"code": CODE, "link": "https://id.example/secret-link"})
    await postman.save(postman.first)
    await postman.deliver(await postman.promise())
    content = b"".join(file.read_bytes() for file in tmp_path.glob("idp.db*"))
    assert b"message" in content
    for secret in (CODE, ADDRESS, "alice.q.reader", "secret-link"):
        assert secret.encode() not in content


async def test_a_mail_never_shows_its_variables() -> None:
    assert CODE not in repr(mail())


async def test_a_silent_mail_is_written_and_cancelled_at_once(postman: Postman) -> None:
    def promise(session: Session) -> Message:
        return postman.outbox.promise(session, mail(), silent=True)

    await postman.save(postman.first)
    message = await postman.database.run(promise)
    delivered = await postman.deliver(message.id)
    assert (delivered.state, delivered.payload) == (MessageState.CANCELLED, None)
    assert delivered.ended_at
    assert postman.first.requests == []


@pytest.fixture
def payload_of(postman: Postman, settings: Settings, secrets: Secrets) -> PayloadOf:
    """Return what a connector would be given for a mail, with these plugins installed."""

    async def promised(*plugins: object, **values: Any) -> dict[str, object]:
        outbox = Outbox(settings, secrets, load_plugins(plugins), postman.carrier.defer)
        message = await postman.database.run(outbox.promise, mail(**values))
        payload: dict[str, object] = secrets.open_json(message.payload or "")["payload"]
        return payload

    return promised


async def test_the_payload_says_where_the_mail_comes_from(payload_of: PayloadOf) -> None:
    assert await payload_of() == {
        "locale": "en",
        "issuer": "http://localhost:8000",
        "issuerHost": "localhost:8000",
        "supportEmail": None,
        "application": {"name": "idp"},
        "code": CODE,
        "expiresInMinutes": 10,
    }


async def test_the_payload_names_application_and_person(payload_of: PayloadOf) -> None:
    payload = await payload_of(
        application={"id": "wiki", "name": "Wiki"}, user={"name": "Alice"}, ui_locales="de en"
    )
    assert payload["application"] == {"id": "wiki", "name": "Wiki"}
    assert payload["user"] == {"name": "Alice"}
    assert payload["uiLocales"] == "de en"


async def test_a_plugin_adds_variables_but_never_replaces_the_code(payload_of: PayloadOf) -> None:
    payload = await payload_of(Surroundings())
    assert (payload["weather"], payload["occasion"]) == ("fine", "SignIn")
    assert payload["code"] == CODE


@pytest.mark.parametrize("plugin", [NoJson, NoMapping])
async def test_a_plugin_that_adds_nonsense_never_stops_a_mail(
    payload_of: PayloadOf, plugin: type
) -> None:
    with capture_logs() as logs:
        payload = await payload_of(plugin(), Surroundings())
    assert payload["weather"] == "fine"
    assert "when" not in payload
    assert [entry["plugin"] for entry in logs] == [plugin.__name__]


async def test_the_wording_is_chosen_when_the_mail_is_promised(postman: Postman) -> None:
    await postman.database.run(save_shipped_templates, ["de"])
    await postman.save(postman.first)
    message_id = await postman.promise(locale="de")

    def edit(session: Session) -> None:
        row = session.get_one(CustomTemplate, ("de", "SignIn"))
        row.template = {**row.template, "subject": "Edited later"}

    await postman.database.run(edit)
    await postman.deliver(message_id)
    [sent] = postman.first.sent
    assert CODE in sent.subject
    assert sent.subject != "Edited later"
    assert sent.headers["Content-Language"] == "de"


async def test_the_connector_is_given_everything_it_may_want_to_know(postman: Postman) -> None:
    await postman.save(postman.first)
    message_id = await postman.promise(ui_locales="de en", ip="192.0.2.7")
    await postman.deliver(message_id)
    [request] = postman.first.requests
    assert replace(request, payload={}, deadline=None) == replace(
        request, **_expected(message_id), payload={}, deadline=None
    )
    assert request.deadline == (await postman.message(message_id)).deadline


def _expected(message_id: str) -> dict[str, Any]:
    return {
        "to": ADDRESS,
        "usage_type": UsageType.SIGN_IN,
        "locale": "en",
        "ui_locales": "de en",
        "ip": "192.0.2.7",
        "custom_template": None,
        "message_id": message_id,
        "idempotency_key": message_id,
    }
