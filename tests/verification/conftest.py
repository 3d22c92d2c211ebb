"""Codes are tested on both kinds of database; the mails are promised and never sent."""

from collections.abc import Callable

import pytest
from code_desk import CodeDesk

from idp.outbox import EmbeddedCarrier, Outbox
from idp.plugins import load_plugins
from idp.settings import Settings
from idp.storage import Database, Secrets
from idp.verification import Limits, Proofs


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def make_proofs(settings: Settings, secrets: Secrets) -> Callable[[Limits], Proofs]:
    def make(limits: Limits) -> Proofs:
        outbox = Outbox(settings, secrets, load_plugins(), EmbeddedCarrier().defer)
        return Proofs(settings, secrets, outbox, limits)

    return make


@pytest.fixture
def proofs(make_proofs: Callable[[Limits], Proofs]) -> Proofs:
    """Issue and check codes, without waiting between two sends."""
    return make_proofs(Limits(cooldowns=()))


@pytest.fixture
def desk(database: Database, secrets: Secrets, proofs: Proofs) -> CodeDesk:
    return CodeDesk(database, secrets, proofs)
