"""The delivery log: what few mails became is found behind any number of others."""

import pytest
from sqlalchemy import insert
from sqlmodel import Session

from idp.administration.delivery_search import Wanted, search
from idp.storage import Database
from idp.storage.tables import Message, MessageState, now

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def mail(number: int, state: MessageState) -> dict[str, object]:
    made = Message(
        id=f"{number:08}",
        usage_type="SignIn",
        recipient="",
        recipient_hash="",
        locale="en",
        state=state,
        due_at=now(),
        deadline=now(),
    )
    return made.model_dump()


@pytest.mark.parametrize("state", [MessageState.FAILED, MessageState.PROMISED])
async def test_a_rare_mail_is_on_the_first_page(database: Database, state: MessageState) -> None:
    def write(session: Session) -> None:
        mails = [mail(1, state), *(mail(number, MessageState.SENT) for number in range(2, 6000))]
        session.connection().execute(insert(Message), mails)

    await database.run(write)
    found = await database.run(search, Wanted(state=state))
    assert ([each.id for each in found.messages], found.before) == (["00000001"], None)
    behind = await database.run(search, Wanted(state=state, before="00000001"))
    assert behind.messages == []
