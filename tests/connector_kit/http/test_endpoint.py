"""One POST over real connections, and every way it ends."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from http_server import HttpRequest, reply, running_http_server
from proxies import http, running_proxy

from idp.connector_kit import AmbiguousFailure, InvalidConfig, Mask, TransientFailure
from idp.connector_kit.http import HttpEndpoint, HttpStage

Open = Callable[..., HttpEndpoint]
MASK = Mask(["hush"])


def accepted(_: HttpRequest) -> bytes:
    return reply(202)


def silence(_: HttpRequest) -> None:
    return None


@pytest.fixture
def free_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]


async def test_the_body_and_headers_arrive_as_they_are(open_endpoint: Open) -> None:
    async with running_http_server(accepted) as server:
        answer = await open_endpoint(server.port).post(b'{"a":1}', {"X-A": "b"}, MASK)
    [request] = server.requests
    assert (request.method, request.target, request.body) == ("POST", "/mails", b'{"a":1}')
    assert (request.headers["x-a"], request.headers["accept-encoding"]) == ("b", "identity")
    assert (answer.status, answer.is_success) == (202, True)


async def test_one_connection_carries_many_mails(open_endpoint: Open) -> None:
    async with running_http_server(accepted) as server:
        endpoint = open_endpoint(server.port)
        for _ in range(3):
            await endpoint.post(b"a", {}, MASK)
    assert (server.connections, len(server.requests)) == (1, 3)


async def test_a_connection_the_server_closed_meanwhile_costs_no_mail(open_endpoint: Open) -> None:
    async with running_http_server(accepted, hangs_up=True) as server:
        endpoint = open_endpoint(server.port)
        for _ in range(3):
            await endpoint.post(b"a", {}, MASK)
            await asyncio.sleep(0.02)
    assert (server.connections, len(server.requests)) == (3, 3)


async def test_mails_beyond_the_most_connections_wait_for_their_turn(open_endpoint: Open) -> None:
    async with running_http_server(accepted) as server:
        endpoint = open_endpoint(server.port)
        await asyncio.gather(*(endpoint.post(b"a", {}, MASK) for _ in range(50)))
    assert len(server.requests) == 50
    assert server.connections <= 20


async def test_nobody_listening_means_it_was_not_sent(open_endpoint: Open, free_port: int) -> None:
    with pytest.raises(TransientFailure, match="could not be reached") as caught:
        await open_endpoint(free_port).post(b"a", {}, MASK)
    assert caught.value.reply.stage == HttpStage.CONNECT
    assert caught.value.__suppress_context__


async def test_a_name_nobody_has_is_a_wrong_setting(open_endpoint: Open) -> None:
    with pytest.raises(InvalidConfig, match=r"^No server has this name: check endpoint\.$"):
        await open_endpoint(80, host="no..name").post(b"a", {}, MASK)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 Told\r\nContent-Le", b"220 smtp.example.test ESMTP\r\n"],
)
async def test_contact_lost_before_the_status_is_ambiguous(
    open_endpoint: Open, answer: bytes
) -> None:
    async with running_http_server(lambda _: answer, hangs_up=True) as server:
        with pytest.raises(AmbiguousFailure, match="may have taken it") as caught:
            await open_endpoint(server.port).post(b"a", {}, MASK)
    assert caught.value.reply.stage == HttpStage.ANSWER


async def test_wherever_an_answer_breaks_off_its_status_counts_once_it_is_there(
    open_endpoint: Open,
) -> None:
    whole = reply(202, b"{}", X_Message_Id="sg-1")
    head = whole.index(b"\r\n\r\n") + 4
    answers = [whole[:end] for end in range(len(whole))]
    async with running_http_server(lambda _: answers[0], hangs_up=True) as server:
        endpoint = open_endpoint(server.port)
        while answers:
            if len(answers[0]) < head:
                with pytest.raises(AmbiguousFailure):
                    await endpoint.post(b"a", {}, MASK)
            else:
                assert (await endpoint.post(b"a", {}, MASK)).is_success
            del answers[0]


async def test_silence_after_the_mail_is_ambiguous(open_endpoint: Open) -> None:
    async with running_http_server(silence) as server:
        with pytest.raises(AmbiguousFailure, match="did not answer in time"):
            await open_endpoint(server.port, timeout=1).post(b"a", {}, MASK)
        await asyncio.wait_for(server.is_closed.wait(), 1)


@pytest.mark.parametrize(
    "rest", [b"Content-Length: 99\r\n\r\n{}", b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"]
)
async def test_a_status_counts_though_the_rest_is_lost(open_endpoint: Open, rest: bytes) -> None:
    answer = b"HTTP/1.1 202 Told\r\n" + rest
    async with running_http_server(lambda _: answer, hangs_up=True) as server:
        assert (await open_endpoint(server.port).post(b"a", {}, MASK)).is_success


async def test_a_status_counts_though_the_rest_never_comes(open_endpoint: Open) -> None:
    answer = b"HTTP/1.1 400 Told\r\nContent-Length: 99\r\n\r\nwhy"
    async with running_http_server(lambda _: answer) as server:
        got = await open_endpoint(server.port, timeout=1).post(b"a", {}, MASK)
    assert (got.status, got.body) == (400, b"why")


async def test_a_long_answer_is_cut(open_endpoint: Open) -> None:
    async with running_http_server(lambda _: reply(200, b"x" * 10_000_000)) as server:
        answer = await open_endpoint(server.port).post(b"a", {}, MASK)
    assert len(answer.body) == 64 * 1024


async def test_a_packed_answer_is_not_unpacked(open_endpoint: Open) -> None:
    packed = reply(200, b"\x1f\x8b not gzip", Content_Encoding="gzip")
    async with running_http_server(lambda _: packed) as server:
        answer = await open_endpoint(server.port).post(b"a", {}, MASK)
    assert answer.body == b"\x1f\x8b not gzip"


async def test_a_redirect_is_an_answer_and_not_followed(open_endpoint: Open) -> None:
    async with running_http_server(lambda _: reply(307, Location="/elsewhere")) as server:
        answer = await open_endpoint(server.port).post(b"a", {}, MASK)
    assert (answer.status, len(server.requests)) == (307, 1)


async def test_a_mail_past_its_deadline_does_not_leave(open_endpoint: Open) -> None:
    deadline = datetime.now(UTC) - timedelta(seconds=1)
    async with running_http_server(accepted) as server:
        with pytest.raises(TransientFailure, match="deadline"):
            await open_endpoint(server.port).post(b"a", {}, MASK, deadline=deadline)
    assert server.connections == 0


async def test_the_deadline_of_a_mail_ends_the_wait(open_endpoint: Open) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=1)
    async with running_http_server(silence) as server:
        with pytest.raises(AmbiguousFailure, match="did not answer in time"):
            await open_endpoint(server.port).post(b"a", {}, MASK, deadline=deadline)


async def test_a_cancelled_mail_leaves_the_endpoint_usable(open_endpoint: Open) -> None:
    def later(request: HttpRequest) -> bytes | None:
        return None if request.body == b"slow" else reply(202)

    async with running_http_server(later) as server:
        endpoint = open_endpoint(server.port)
        slow = asyncio.create_task(endpoint.post(b"slow", {}, MASK))
        while not server.requests:
            await asyncio.sleep(0.001)
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        assert (await endpoint.post(b"next", {}, MASK)).is_success
    assert slow.cancelled()


async def test_closing_waits_for_the_mail_under_way(open_endpoint: Open) -> None:
    async with running_http_server(silence) as server:
        endpoint = open_endpoint(server.port, timeout=1)
        slow = asyncio.create_task(endpoint.post(b"slow", {}, MASK))
        while not server.requests:
            await asyncio.sleep(0.001)
        await endpoint.aclose()
        await asyncio.wait_for(server.is_closed.wait(), 1)
    with pytest.raises(AmbiguousFailure):
        await slow


async def test_a_mail_after_closing_still_leaves_and_leaves_nothing_open(
    open_endpoint: Open,
) -> None:
    async with running_http_server(accepted) as server:
        endpoint = open_endpoint(server.port)
        await endpoint.aclose()
        assert (await endpoint.post(b"a", {}, MASK)).is_success
        await asyncio.wait_for(server.is_closed.wait(), 1)


async def test_a_certificate_is_verified_before_the_mail_leaves(
    open_endpoint: Open,
    server_tls: ssl.SSLContext,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running_http_server(accepted, tls=server_tls) as server:
        with pytest.raises(InvalidConfig, match="certificate is not trusted") as caught:
            await open_endpoint(server.port, "https").post(b"a", {}, MASK)
        assert (caught.value.reply.stage, server.requests) == (HttpStage.TLS, [])
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert (await open_endpoint(server.port, "https").post(b"a", {}, MASK)).is_success


async def test_https_to_a_port_without_tls_is_a_wrong_setting(open_endpoint: Open) -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1") as listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(InvalidConfig, match=r"TLS with the server failed .*: check endpoint"):
            await open_endpoint(port, "https").post(b"a", {}, MASK)


async def test_a_handshake_nobody_answers_means_it_was_not_sent(open_endpoint: Open) -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        writer.close()

    async with await asyncio.start_server(wait, "127.0.0.1") as listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(TransientFailure, match=r"did not answer in time \(tls\)"):
            await open_endpoint(port, "https", timeout=1).post(b"a", {}, MASK)
        await asyncio.sleep(0.01)


async def test_a_handshake_that_breaks_off_means_it_was_not_sent(open_endpoint: Open) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    async with await asyncio.start_server(hang_up, "127.0.0.1") as listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(TransientFailure, match=r"hung up \(tls\)"):
            await open_endpoint(port, "https").post(b"a", {}, MASK)


@pytest.fixture
def trusted(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], None]:
    """Have this machine trust the authority, and go out through a proxy at a port."""

    def go_through(port: int) -> None:
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:hush@127.0.0.1:{port}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)

    return go_through


async def test_the_proxy_of_the_environment_is_used(
    open_endpoint: Open, server_tls: ssl.SSLContext, trusted: Callable[[int], None]
) -> None:
    async with (
        running_http_server(accepted, tls=server_tls) as server,
        running_proxy(http, server.port, login="me:hush") as proxy,
    ):
        trusted(proxy.port)
        answer = await open_endpoint(server.port, "https").post(b"a", {}, MASK)
    assert (answer.status, proxy.asked) == (202, [("127.0.0.1", server.port)])


@pytest.mark.parametrize("login", ["me:hush", "somebody:else"])
async def test_what_goes_wrong_at_a_proxy_means_it_was_not_sent(
    open_endpoint: Open, free_port: int, trusted: Callable[[int], None], login: str
) -> None:
    async with running_proxy(http, free_port, login=login) as proxy:
        trusted(proxy.port)
        with pytest.raises(TransientFailure) as caught:
            await open_endpoint(443, "https").post(b"a", {}, MASK)
    assert caught.value.reply.stage == HttpStage.CONNECT
    assert "hush" not in f"{caught.value} {caught.value.reply}"
