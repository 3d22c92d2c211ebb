"""The channel of messages that are POSTed to another program, such as logout tokens."""

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from idp.connector_kit import (
    AmbiguousFailure,
    ConnectorError,
    DeliveryReceipt,
    Mask,
    PermanentFailure,
)
from idp.connector_kit.http import HttpAnswer, HttpEndpoint, HttpMail
from idp.outbox.channel import Channel, Claim, Turns
from idp.outbox.ledger import Outcome
from idp.outbox.policy import Result
from idp.outbox.round import Round
from idp.storage import Secrets

AT_ONCE = 8
"""Requests one address may have under way here."""

_TIMEOUT = 5.0  # seconds
_KEEP_ALIVE = 4.0  # seconds
_MOST_ENDPOINTS = 100
_NO_TURN = "There was no time left to ask it."
_TAKEN = {HTTPStatus.OK, HTTPStatus.NO_CONTENT}


class HttpChannel(Channel):
    """Posts messages to the address each is for.

    As connectors do, it follows no redirect, reads no more than 64 KiB and waits no longer than it
    must; which addresses may be promised anything is decided where they are registered. 200 and 204
    end a message well, what the receiver may get over is tried again, any other answer is final.
    """

    key: ClassVar[str]
    """What to change when an address turns out to be wrong."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._endpoints: dict[str, HttpEndpoint] = {}
        self._turns = Turns(AT_ONCE)

    @abstractmethod
    async def compose(self, payload: Mapping[str, Any]) -> HttpMail:
        """Write what is posted; asked again at each attempt, for some of it may not last."""

    async def carry(self, claim: Claim, round_: Round) -> Outcome:
        """Post once."""
        url = self._secrets.open(round_.message.recipient)
        async with self._turns.wait(url) as has_come:
            if not has_come or not round_.may_go_on:
                return round_.not_sent(_NO_TURN)
            payload = self._secrets.open_json(round_.message.payload or "")
            started_at = round_.moment
            result = await self._post(url, payload, round_.seconds_to_send)
        round_.note(self.name, started_at, result)
        if isinstance(result, DeliveryReceipt):
            return round_.sent(self.name, result)
        return round_.not_sent(_NO_TURN)

    async def aclose(self) -> None:
        """Hang up everywhere."""
        for endpoint in self._endpoints.values():
            await endpoint.aclose()

    async def _post(self, url: str, payload: Mapping[str, Any], seconds: float) -> Result:
        try:
            async with asyncio.timeout(seconds):
                request = await self.compose(payload)
                endpoint = await self._endpoint(url)
                # What is posted is a secret only its receiver may see, so no answer is repeated.
                answer = await endpoint.post(request.body, request.headers, Mask([]))
            return judge(answer)
        except TimeoutError:
            return AmbiguousFailure(f"There was no answer within {seconds:.0f} s.")
        except ConnectorError as failure:
            return failure

    async def _endpoint(self, url: str) -> HttpEndpoint:
        """Return the connections to an address; those used first go when there are too many."""
        endpoint = self._endpoints.get(url)
        if endpoint is None:
            endpoint = HttpEndpoint(url, key=self.key, timeout=_TIMEOUT, keep_alive=_KEEP_ALIVE)
            self._endpoints[url] = endpoint
            if len(self._endpoints) > _MOST_ENDPOINTS:
                await self._endpoints.pop(next(iter(self._endpoints))).aclose()
        return endpoint


def judge(answer: HttpAnswer) -> DeliveryReceipt:
    """Return a receipt if the message was taken; raises ConnectorError if it was not."""
    reply = answer.as_reply("")
    if answer.status in _TAKEN:
        return DeliveryReceipt(reply=reply.text)
    if postponed := answer.postponement(reply):
        raise postponed
    raise PermanentFailure(f"The receiver refused it (HTTP {answer.status}).", reply=reply)
