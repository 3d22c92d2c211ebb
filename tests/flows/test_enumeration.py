"""What an outsider learns from an answer, and from the time it takes: nothing."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from statistics import median
from typing import Any

import httpx2
import pytest
from mann_whitney import p_value
from people import ISSUER, Site
from sqlmodel import Session, col, update
from starlette.testclient import TestClient

from idp.accounts.users import create_user
from idp.connector_kit import DeliveryReceipt, EmailRequest, TransientFailure
from idp.connector_kit.testing import MemoryEmailConnector
from idp.storage.tables import User, now

REQUESTS = 100  # of each kind
ROUNDS = 6
"""Chance, or another process, makes some rounds look uneven; what makes six in a row does not."""

FLOWS = ("register", "sign-in", "forgot-password")
PASSWORD = "four quiet herons wade"


class Down(MemoryEmailConnector):
    """A provider that refuses every connection."""

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        raise TransientFailure("connection refused")


class Hanging(MemoryEmailConnector):
    """A provider that takes the connection and says nothing."""

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        await asyncio.get_running_loop().create_future()
        raise AssertionError


def addresses(kind: str) -> list[str]:
    """Return addresses nobody has used, all of one length."""
    return [f"{random.randbytes(6).hex()}@{kind:x<9}.example" for _ in range(REQUESTS)]


@dataclass
class Outsider:
    """Asks for addresses of several kinds in turn, and compares what comes back."""

    site: Site
    path: str
    form: dict[str, str] = field(default_factory=dict)

    def compare(
        self, kinds: dict[str, list[str]], requests: int = REQUESTS
    ) -> dict[str, list[float]]:
        """Return the seconds the answers took; fails when anything else tells them apart."""
        seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
        for position in range(requests):
            seen = set()
            for kind in random.sample(sorted(kinds), len(kinds)):
                taken, answer = self._answer(kinds[kind][position])
                seconds[kind].append(taken)
                seen.add(answer)
            assert len(seen) == 1, seen
        return seconds

    def _answer(self, email: str) -> tuple[float, tuple[Any, ...]]:
        browser = TestClient(self.site.client.app, base_url=ISSUER)
        browser.portal = self.site.client.portal
        began = time.perf_counter()
        response = browser.post(self.path, data=self.form | {"email": email})
        taken = time.perf_counter() - began
        return taken, tuple(map(_visible, [*response.history, response]))


def _visible(response: httpx2.Response) -> tuple[Any, ...]:
    headers = tuple((name, len(value)) for name, value in response.headers.items())
    return response.status_code, headers, len(response.content)


def differences(seconds: dict[str, list[float]]) -> list[str]:
    """Return how the kinds can be told apart from the unknown addresses."""
    unknown = seconds["unknown"]
    by_chance = 0.05 / (len(seconds) - 1)  # the comparisons of a round share it (Bonferroni)
    found = []
    for kind, taken in seconds.items():
        shift, p = _shift(taken, unknown) / median(unknown), p_value(taken, unknown)
        if abs(shift) >= 0.05 or p <= by_chance:
            found.append(f"{kind}: {shift:+.1%}, p = {p:.4f}")
    return found


def _shift(taken: list[float], others: list[float]) -> float:
    """Return by how many seconds one sample lies above another (Hodges and Lehmann).

    A mail that goes out during about half of the answers gives them two humps, between which
    a median jumps by chance; the median of all differences does not.
    """
    return median(one - other for one in taken for other in others)


def add_accounts(site: Site, emails: list[str], **values: Any) -> None:
    def add(session: Session) -> None:
        for email in emails:
            create_user(session, email)
        session.exec(update(User).where(col(User.email).in_(emails)).values(**values))

    site.work(add)


def assert_alike(site: Site, outsider: Outsider, make: Callable[[], dict[str, list[str]]]) -> None:
    outsider.compare({"unknown": addresses("warm-up")}, requests=20)
    rounds = (differences(outsider.compare(make())) for _ in range(ROUNDS))
    failed: list[list[str]] = []
    for found in rounds:
        if not found:
            return
        failed.append(found)
    pytest.fail(f"{outsider.path}: {failed}")


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("connector", [MemoryEmailConnector, Down, Hanging])
def test_a_known_and_an_unknown_address_are_answered_alike(
    make_site: Callable[..., Site], connector: type[MemoryEmailConnector], flow: str
) -> None:
    site = make_site(connector=connector)

    def make() -> dict[str, list[str]]:
        kinds = {kind: addresses(kind) for kind in ("known", "unknown")}
        add_accounts(site, kinds["known"], password_hash="x")
        return kinds

    assert_alike(site, Outsider(site, f"/{flow}"), make)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_suspended_and_a_blocked_address_are_answered_alike(
    make_site: Callable[..., Site], flow: str
) -> None:
    site = make_site(blocked_addresses=["@blockedxx.example"])

    def make() -> dict[str, list[str]]:
        kinds = {kind: addresses(kind) for kind in ("suspended", "blocked", "unknown")}
        add_accounts(site, kinds["suspended"], suspended_at=now())
        return kinds

    assert_alike(site, Outsider(site, f"/{flow}"), make)


def test_a_wrong_password_takes_as_long_for_every_address(make_site: Callable[..., Site]) -> None:
    site = make_site(argon2_memory_kib=1024)
    password_hash = site.hash_password(PASSWORD)

    def make() -> dict[str, list[str]]:
        kinds = {kind: addresses(kind) for kind in ("known", "bare", "suspended", "unknown")}
        add_accounts(site, kinds["known"], password_hash=password_hash)
        add_accounts(site, kinds["bare"], password_hash=None)
        add_accounts(site, kinds["suspended"], password_hash=password_hash, suspended_at=now())
        return kinds

    assert_alike(site, Outsider(site, "/sign-in/password", {"password": "wrong"}), make)


def test_the_statistic_tells_apart_what_differs() -> None:
    randomness = random.Random(7)
    same = [[randomness.gauss(10, 1) for _ in range(REQUESTS)] for _ in range(2)]
    later = [randomness.gauss(11, 1) for _ in range(REQUESTS)]
    assert p_value(*same) > 0.05
    assert p_value(same[0], later) < 0.001
    assert p_value([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(0.0122, abs=0.0001)
    assert p_value(same[0], same[0]) == 1.0
    assert set(chain(*differences({"unknown": same[0], "known": later})))
    assert _shift(later, same[0]) == pytest.approx(1, abs=0.5)
