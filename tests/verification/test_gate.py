"""The gate: limits that belong to no address, and what plugins have to say."""

import threading
from collections.abc import Callable, Mapping

import pytest
from structlog.testing import capture_logs

from idp import hookimpl
from idp.plugins import load_plugins
from idp.settings import Settings
from idp.verification import Gate, LimitReached, Limits, TooManyAttempts, TooManySends

IP = "192.0.2.7"


@pytest.fixture
def make_gate(settings: Settings) -> Callable[..., Gate]:
    def make(*plugins: object, limits: Limits | None = None) -> Gate:
        return Gate(settings, load_plugins(plugins), limits or Limits.of(settings))

    return make


async def test_an_ip_address_gets_twenty_codes_an_hour(make_gate: Callable[..., Gate]) -> None:
    gate = make_gate()
    for _ in range(20):
        await gate.admit_send(IP)
    with pytest.raises(TooManySends) as refused:
        await gate.admit_send(IP)
    assert refused.value.limit == "ip"
    await gate.admit_send("192.0.2.8")


async def test_the_addresses_of_one_ipv6_network_count_as_one(
    make_gate: Callable[..., Gate],
) -> None:
    gate = make_gate(limits=Limits(ip_sends=2))
    await gate.admit_send("2001:db8::1")
    await gate.admit_send("2001:db8::2")
    with pytest.raises(TooManySends):
        await gate.admit_send("2001:db8::3")


async def test_the_machine_itself_is_not_limited_as_one_client(
    make_gate: Callable[..., Gate],
) -> None:
    gate = make_gate(limits=Limits(ip_sends=1, ip_attempts=1))
    for _ in range(3):
        await gate.admit_send("127.0.0.1")
        await gate.admit_attempt("::1")


async def test_passwords_have_a_limit_of_their_own(make_gate: Callable[..., Gate]) -> None:
    gate = make_gate(limits=Limits(ip_attempts=2))
    await gate.admit_attempt(IP)
    await gate.admit_attempt(IP)
    with pytest.raises(TooManyAttempts):
        await gate.admit_attempt(IP)
    await gate.admit_send(IP)


async def test_the_ceiling_for_everybody_is_an_alert(make_gate: Callable[..., Gate]) -> None:
    class Watcher:
        def __init__(self) -> None:
            self.seen: list[tuple[str, int]] = []

        @hookimpl
        def idp_limit_reached(self, limit: str, retry_after: int) -> None:
            self.seen.append((limit, retry_after))

    watcher = Watcher()
    gate = make_gate(watcher, limits=Limits(all_sends=1))
    await gate.admit_send("127.0.0.1")
    with capture_logs() as logs, pytest.raises(TooManySends) as refused:
        await reported(gate, "127.0.0.2")
    assert logs[0] == {
        "event": "limit reached",
        "limit": "everybody",
        "retry_after": refused.value.retry_after,
        "log_level": "error",
    }
    assert watcher.seen == [("everybody", refused.value.retry_after)]


async def reported(gate: Gate, ip: str) -> None:
    try:
        await gate.admit_send(ip)
    except LimitReached as reached:
        gate.report(reached)
        raise


async def test_lifted_limits_let_everybody_in(make_gate: Callable[..., Gate]) -> None:
    gate = make_gate(limits=Limits.lifted())
    for _ in range(50):
        await gate.admit_send(IP)
        await gate.admit_attempt(IP)


async def test_a_plugin_refuses_a_form_and_may_take_its_time(
    make_gate: Callable[..., Gate],
) -> None:
    class Captcha:
        @hookimpl
        def idp_check_form(self, form: Mapping[str, str], ip: str, locale: str) -> str | None:
            is_loop = threading.current_thread() is threading.main_thread()
            return None if form.get("captcha") == ip else f"{locale}: are you a robot? {is_loop}"

    gate = make_gate(Captcha())
    assert await gate.refusal_of({"captcha": IP}, ip=IP, locale="de") is None
    assert await gate.refusal_of({}, ip=IP, locale="de") == "de: are you a robot? False"


async def test_without_plugins_every_form_is_welcome(make_gate: Callable[..., Gate]) -> None:
    assert await make_gate().refusal_of({}, ip=IP, locale="en") is None
