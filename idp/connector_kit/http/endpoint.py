"""An HTTP address mails are posted to: connections kept open, one clock, honest failures."""

import asyncio
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import aclosing, suppress
from datetime import UTC, datetime

import httpx2

from idp.connector_kit.errors import (
    AmbiguousFailure,
    ConnectorError,
    InvalidConfig,
    ProviderReply,
    TransientFailure,
)
from idp.connector_kit.http.answer import HttpAnswer
from idp.connector_kit.http.trace import HttpTrace
from idp.connector_kit.masking import Mask

_LONGEST_ANSWER = 64 * 1024
_MOST_CONNECTIONS = 20


class HttpEndpoint:
    """One address, reached over connections that are kept open and shared.

    `key` is the setting an administrator changes when the address turns out to be wrong, `timeout`
    the seconds for one whole exchange, `keep_alive` the seconds an unused connection stays open:
    fewer than the other side allows, or mails are lost in the moment it hangs up. Nothing is
    opened before the first mail. Redirects are not followed.
    """

    def __init__(self, url: str, *, key: str, timeout: float, keep_alive: float) -> None:
        self._url = url
        self._key = key
        self._timeout = timeout
        self._limits = httpx2.Limits(
            max_connections=_MOST_CONNECTIONS,
            max_keepalive_connections=_MOST_CONNECTIONS,
            keepalive_expiry=keep_alive,
        )
        self._making: asyncio.Task[httpx2.AsyncClient] | None = None
        self._under_way = 0
        self._drained = asyncio.Event()
        self._is_closed = False

    async def post(
        self,
        body: bytes,
        headers: Mapping[str, str],
        mask: Mask,
        *,
        deadline: datetime | None = None,
        trace: HttpTrace | None = None,
    ) -> HttpAnswer:
        """Post once and return the answer, whatever its status.

        Raises TransientFailure or InvalidConfig while the other side cannot have the whole request,
        AmbiguousFailure from then on.
        """
        return await self._call("POST", body, headers, mask, deadline, trace)

    async def get(self, headers: Mapping[str, str]) -> HttpAnswer:
        """Ask once and return the answer, whatever its status; raises as `post` does."""
        return await self._call("GET", b"", headers, Mask([]), None, None)

    async def _call(  # noqa: PLR0913 (what `post` was given)
        self,
        method: str,
        body: bytes,
        headers: Mapping[str, str],
        mask: Mask,
        deadline: datetime | None,
        trace: HttpTrace | None,
    ) -> HttpAnswer:
        seconds = self._timeout
        if deadline is not None:
            seconds = min(seconds, (deadline - datetime.now(UTC)).total_seconds())
        if seconds <= 0:
            raise TransientFailure("The deadline of this mail has passed; it was not sent.")
        trace = trace or HttpTrace()
        self._under_way += 1
        try:
            return await self._exchange(method, body, headers, seconds, trace)
        except (httpx2.HTTPError, TimeoutError) as error:
            # The cause may repeat the request, so it must not be shown with the failure.
            raise self._failure(error, trace, mask) from None
        finally:
            self._under_way -= 1
            if not self._under_way:
                await self._rest()

    async def aclose(self) -> None:
        """Wait for what is under way, then hang up; mails may still be posted."""
        self._is_closed = True
        if self._under_way:
            self._drained.clear()
            await self._drained.wait()
        else:
            await self._hang_up()

    async def _exchange(
        self,
        method: str,
        body: bytes,
        headers: Mapping[str, str],
        seconds: float,
        trace: HttpTrace,
    ) -> HttpAnswer:
        expires_at = asyncio.get_running_loop().time() + seconds
        async with asyncio.timeout_at(expires_at):
            client = await self._client()
            request = client.build_request(
                method,
                self._url,
                content=body,
                # No answer is unpacked: a small one may be made to unpack to a large one.
                headers={"Accept": "application/json", "Accept-Encoding": "identity", **headers},
                # A third each for TCP and TLS leaves one for the answer; and the client forgets to
                # close a connection that is cancelled from outside during the handshake.
                timeout=httpx2.Timeout(None, connect=seconds / 3),
                extensions={"trace": trace},
            )
            response = await client.send(request, stream=True)
        return HttpAnswer(response.status_code, response.headers, await _body(response, expires_at))

    async def _client(self) -> httpx2.AsyncClient:
        """Return the client all mails share, made once: its certificates are read in a thread."""
        if self._making is None:
            self._making = asyncio.create_task(self._make_client())
        return await asyncio.shield(self._making)

    async def _make_client(self) -> httpx2.AsyncClient:
        trusted = await asyncio.to_thread(ssl.create_default_context)
        return httpx2.AsyncClient(verify=trusted, timeout=None, limits=self._limits)

    async def _rest(self) -> None:
        """Nothing is under way: the last one out of a closed house turns off the light."""
        if self._is_closed:
            await self._hang_up()
        self._drained.set()

    async def _hang_up(self) -> None:
        making, self._making = self._making, None
        if making is not None:
            await (await making).aclose()

    def _failure(self, error: Exception, trace: HttpTrace, mask: Mask) -> ConnectorError:
        causes = list(_causes(error))
        what = str(causes[-1]) or str(error) or type(error).__name__
        reply = ProviderReply(text=mask(what), stage=trace.stage)
        if isinstance(error, httpx2.ProxyError):
            return TransientFailure("The proxy on the way refused to pass the mail.", reply=reply)
        is_late = isinstance(error, TimeoutError | httpx2.TimeoutException)
        if trace.is_handed_over:
            happened = "did not answer in time" if is_late else "hung up"
            message = f"The server {happened} after it was given the mail; it may have taken it."
            return AmbiguousFailure(message, reply=reply)
        if (problem := self._wrong_address(causes)) is not None:
            return InvalidConfig(problem, problems={self._key: problem}, reply=reply)
        happened = "did not answer in time" if is_late else "could not be reached or hung up"
        return TransientFailure(f"The server {happened} ({trace.stage}).", reply=reply)

    def _wrong_address(self, causes: list[BaseException]) -> str | None:
        """Say what is wrong if no waiting will help."""
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return (
                    f"The server's certificate is not trusted ({cause.verify_message}): "
                    f"check {self._key} and the authorities this machine trusts."
                )
            if type(cause) is ssl.SSLError:  # its subclasses tell of a connection that broke
                return f"TLS with the server failed ({cause.reason}): check {self._key}."
            if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN:
                return f"No server has this name: check {self._key}."
        return None


async def _body(response: httpx2.Response, expires_at: float) -> bytes:
    """Read what comes in time; the status has already said what became of the mail."""
    body = b""
    with suppress(httpx2.HTTPError, TimeoutError):
        async with asyncio.timeout_at(expires_at), aclosing(response):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > _LONGEST_ANSWER:
                    break
    return body[:_LONGEST_ANSWER]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Unwrap what the client wraps, outermost first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
