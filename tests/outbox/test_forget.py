"""Mails to an address that is to be forgotten."""

from datetime import timedelta

from sqlmodel import Session, select

from idp.connector_kit import UsageType
from idp.outbox import Mail, Outbox
from idp.plugins import Plugins
from idp.settings import Settings
from idp.storage import Database, Secrets
from idp.storage.tables import Message, MessageState, now


async def test_every_mail_to_the_address_is_erased_and_no_other(
    database: Database, settings: Settings, secrets: Secrets, plugins: Plugins
) -> None:
    outbox = Outbox(settings, secrets, plugins, lambda *_: None)

    def promise(session: Session, to: str, state: MessageState) -> str:
        deadline = now() + timedelta(minutes=1)
        mail = Mail(to=to, usage_type=UsageType.SIGN_IN, deadline=deadline, locale="en", payload={})
        message = outbox.promise(session, mail)
        session.get_one(Message, message.id).state = state
        return message.id

    for state in MessageState:
        await database.run(promise, "Alice@example.com", state)
    kept = await database.run(promise, "bob@example.com", MessageState.SENT)
    await database.run(outbox.forget, "alice@example.com")
    rows = await database.run(lambda session: session.exec(select(Message)).all())
    on_its_way = next(row for row in rows if row.state is MessageState.SENDING)
    assert {row.id for row in rows} == {kept, on_its_way.id}
    assert (secrets.open(on_its_way.recipient), on_its_way.recipient_hash) == ("", "")
    assert on_its_way.payload is None
