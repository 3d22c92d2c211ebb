"""Limits that belong to no account: per IP address and for everybody, in memory or in Redis."""

import asyncio
import time
from ipaddress import IPv6Address, ip_address
from math import ceil

import structlog
from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import RateLimiter, SlidingWindowCounterRateLimiter

log = structlog.get_logger(__name__)

_PATIENCE = 0.5  # seconds Redis has for an answer
_PAUSE = 30.0  # seconds it is left alone after it had none


def network_of(host: str | None) -> str | None:
    """Return what counts as one client: an IPv4 address, or the /64 of an IPv6 address.

    None for the machine itself: that is a proxy which does not say who asks, and a limit would
    count everybody as one.
    """
    try:
        address = ip_address((host or "").partition("%")[0])
    except ValueError:  # a Unix socket
        return None
    if isinstance(address, IPv6Address):
        if (mapped := address.ipv4_mapped) is None:
            return None if address.is_loopback else f"{IPv6Address(int(address) >> 64 << 64)}/64"
        address = mapped
    return None if address.is_loopback else str(address)


class Counter:
    """Counts hits; Redis being away makes each process count alone and stops nobody."""

    def __init__(self, redis_url: str | None = None) -> None:
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = _redis(redis_url) if redis_url else None
        self._redis_rests_until = 0.0

    async def hit(self, limit: RateLimitItem, *key: str) -> int:
        """Count one hit; return 0, or the seconds to wait when it is one too many."""
        if self._shared and time.monotonic() >= self._redis_rests_until:
            try:
                async with asyncio.timeout(_PATIENCE):
                    return await _hit(self._shared, limit, key)
            except Exception as error:  # noqa: BLE001 (whatever its client raises)
                self._redis_rests_until = time.monotonic() + _PAUSE
                reason = type(error).__name__
                log.warning("Redis is away: limits are counted by each process", reason=reason)
        return await _hit(self._own, limit, key)

    async def aclose(self) -> None:
        """Close the connections to Redis."""
        if self._shared:
            await self._shared.storage.bridge.get_connection().aclose()  # type: ignore[attr-defined]


async def _hit(limiter: RateLimiter, limit: RateLimitItem, key: tuple[str, ...]) -> int:
    if await limiter.hit(limit, *key):
        return 0
    window = await limiter.get_window_stats(limit, *key)
    return max(1, ceil(window.reset_time - time.time()))


def _redis(url: str) -> RateLimiter:
    storage = RedisStorage(
        f"async+{url}",
        implementation="redispy",
        key_prefix="idp",
        socket_timeout=_PATIENCE,
        socket_connect_timeout=_PATIENCE,
    )
    return SlidingWindowCounterRateLimiter(storage)
