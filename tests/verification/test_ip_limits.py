"""Limits per IP address, counted in memory or in Redis."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest
from limits import RateLimitItemPerHour
from programs import find, need
from redis_server import RedisServer, running_redis
from structlog.testing import capture_logs

from idp.verification.ip_limits import Counter, network_of

THREE = RateLimitItemPerHour(3)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    program = need(find("redis-server"), "Redis (Debian: redis-server)", "limits in Redis")
    with running_redis(program) as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def counter(request: pytest.FixtureRequest) -> AsyncIterator[Counter]:
    url = request.getfixturevalue("redis").url if request.param == "redis" else None
    async with aclosing(Counter(url)) as counter:
        yield counter


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb:cccc:dddd:eeee", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("/run/idp.sock", None),
        (None, None),
    ],
)
def test_one_client_is_an_ipv4_address_or_a_network_of_ipv6(
    host: str | None, network: str | None
) -> None:
    assert network_of(host) == network


async def test_the_fourth_hit_of_three_has_to_wait(counter: Counter) -> None:
    assert [await counter.hit(THREE, "send", "a") for _ in range(3)] == [0, 0, 0]
    assert 0 < await counter.hit(THREE, "send", "a") <= 2 * 3600
    assert await counter.hit(THREE, "send", "b") == 0
    assert await counter.hit(THREE, "attempt", "a") == 0


async def test_hits_at_once_do_not_get_past_the_limit(counter: Counter) -> None:
    waits = await asyncio.gather(*(counter.hit(THREE, "a") for _ in range(30)))
    assert waits.count(0) == 3


async def test_two_processes_count_together_in_redis(redis: RedisServer) -> None:
    async with aclosing(Counter(redis.url)) as one, aclosing(Counter(redis.url)) as other:
        waits = [await counter.hit(THREE, "a") for counter in (one, other, one, other)]
    assert waits[:3] == [0, 0, 0]
    assert waits[3] > 0


async def test_when_redis_goes_away_each_process_counts_alone(redis: RedisServer) -> None:
    async with aclosing(Counter(redis.url)) as counter:
        assert await counter.hit(THREE, "a") == 0
        redis.stop()
        with capture_logs() as logs:
            waits = [await counter.hit(THREE, "a") for _ in range(4)]
    assert waits[:3] == [0, 0, 0]
    assert waits[3] > 0
    assert [log["event"] for log in logs] == ["Redis is away: limits are counted by each process"]
    assert redis.url not in str(logs)


async def test_a_redis_that_never_answers_costs_half_a_second_once() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        url = f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
        async with aclosing(Counter(url)) as counter:
            began = time.monotonic()
            assert [await counter.hit(THREE, "a") for _ in range(5)][:3] == [0, 0, 0]
            assert 0.4 < time.monotonic() - began < 2
