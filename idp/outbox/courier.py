"""Deliver one promised mail: claim it, try the connectors in order, settle it."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Concatenate, ParamSpec

import structlog
from sqlmodel import Session

from idp.connector_kit import (
    DeliveryReceipt,
    EmailRequest,
    EmailTemplate,
    UsageType,
)
from idp.connectors import Connectors, Opened, Unusable
from idp.outbox import attempt, breakers, ledger
from idp.outbox.group_commit import GroupCommit
from idp.outbox.ledger import Outcome, Settled
from idp.outbox.policy import Circuit, Result
from idp.outbox.round import Round
from idp.plugins import Plugins
from idp.storage import Database, Secrets
from idp.storage.tables import BreakerState, Connector, Message

P = ParamSpec("P")

log = structlog.get_logger(__name__)

AT_ONCE = 32
"""Mails one connector instance may have under way here, so that a slow one holds no other back."""

_LONGEST_QUEUE = 1.0  # seconds a mail waits for its turn at one connector instance


_NO_CONNECTOR = "No email connector is set up."
_NO_TIME = "There was no time left to try a connector."

FollowUp = Callable[[Session, Sequence[tuple[Message, Outcome]]], None]
"""Tells a carrier, inside the transaction, which messages have ended and which come back when."""


@dataclass(frozen=True)
class Claim:
    """A message a courier holds the lease of, and what it was told to do with it."""

    message: Message
    route: Sequence[tuple[Opened | Unusable, Circuit]]

    @property
    def is_last_resort(self) -> bool:
        """Whether no connector instance is known to work, so that resting one helps nobody."""
        return all(circuit.state is not BreakerState.CLOSED for _, circuit in self.route)


class Courier:
    """Delivers messages; any number may work on the same table."""

    def __init__(
        self,
        database: Database,
        secrets: Secrets,
        connectors: Connectors,
        plugins: Plugins,
        follow_up: FollowUp | None = None,
    ) -> None:
        self.database = database
        self.name = ledger.new_claimant()
        self._secrets = secrets
        self.connectors = connectors
        self._plugins = plugins
        self._follow_up = follow_up
        self._settlements = GroupCommit(self._settle)
        self._turns = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(AT_ONCE))

    async def deliver(self, message_id: str) -> None:
        """Deliver a message if it is due and nobody else has it; calling twice does no harm."""
        for claim in await self._claim(ledger.claim, [message_id], self.name):
            await self.carry_out(claim)

    async def claim_due(self, limit: int, *, overdue_by: float = 0.0) -> list[Claim]:
        """Take up to `limit` messages that became due at least `overdue_by` seconds ago."""
        return await self._claim(ledger.claim_due, limit, self.name, overdue_by=overdue_by)

    async def _claim(
        self,
        take: Callable[Concatenate[Session, P], list[Message]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> list[Claim]:
        def work(session: Session) -> tuple[list[Message], list[tuple[Connector, Circuit]]]:
            messages = take(session, *args, **kwargs)
            return messages, breakers.instances(session) if messages else []

        messages, instances = await self.database.run(work)
        if not messages:
            return []
        opened = self.connectors.open([instance for instance, _ in instances])
        route = list(zip(opened, (circuit for _, circuit in instances), strict=True))
        return [Claim(message, route) for message in messages]

    async def carry_out(self, claim: Claim) -> None:
        """Try the connectors in order and settle the message."""
        round_ = Round(claim.message)
        outcome = await self._attempt(claim, round_)
        settled = await self._keep(round_, outcome)
        self._report(claim.message, outcome, settled)

    async def _settle(self, outcomes: Sequence[tuple[Message, Outcome]]) -> list[Settled]:
        def work(session: Session) -> list[Settled]:
            settled = ledger.settle(session, outcomes)
            if self._follow_up:
                pairs = zip(outcomes, settled, strict=True)
                self._follow_up(session, [outcome for outcome, result in pairs if result.kept])
            return settled

        return await self.database.run(work)

    async def _keep(self, round_: Round, outcome: Outcome) -> Settled:
        """Settle; a mail that was sent must not be sent again because a database was restarted."""
        pause = 0.1
        while True:
            try:
                return await self._settlements((round_.message, outcome))
            except Exception:
                if round_.moment + timedelta(seconds=pause) >= round_.lease_end:
                    raise
                log.warning("settling is delayed", message=round_.message.id, exc_info=True)
            await asyncio.sleep(pause)
            pause *= 2

    async def _attempt(self, claim: Claim, round_: Round) -> Outcome:
        message = round_.message
        if message.deadline <= round_.moment:
            return round_.expired()
        if round_.is_in_doubt:
            return round_.interrupted()
        request = self._request(message)
        for choice, circuit in claim.route:
            if not round_.may_go_on:
                break
            if not await self._may_pass(choice.instance, circuit, claim, round_):
                continue
            result = await self._try(choice, circuit, request, round_)
            if isinstance(result, DeliveryReceipt):
                return round_.sent(choice.instance, result)
            if result and not round_.goes_on_after(result):
                break
        return round_.not_sent(_NO_TIME if claim.route else _NO_CONNECTOR)

    async def _try(
        self, choice: Opened | Unusable, circuit: Circuit, request: EmailRequest, round_: Round
    ) -> Result | None:
        """Try one connector instance; None when it was passed over."""
        instance = choice.instance
        if isinstance(choice, Unusable):
            return round_.note(instance, circuit, round_.moment, choice.problem)
        turn = self._turns[instance.id]
        try:
            async with asyncio.timeout(_LONGEST_QUEUE):
                await turn.acquire()
        except TimeoutError:
            round_.skip(instance, "It has too many mails under way.", round_.moment)
            return None
        try:
            if not round_.may_go_on:
                return None
            started_at = round_.moment
            result = await attempt.send(choice, request, round_.seconds_to_send)
        finally:
            turn.release()
        return round_.note(instance, circuit, started_at, result)

    async def _may_pass(
        self, instance: Connector, circuit: Circuit, claim: Claim, round_: Round
    ) -> bool:
        moment, last_resort = round_.moment, claim.is_last_resort
        passage = circuit.passage(moment, last_resort=last_resort)
        if passage == "free":
            return True
        take = partial(breakers.take_trial, last_resort=last_resort)
        if passage == "trial" and await self.database.run(take, instance.id):
            return True
        # Whether a trial under way succeeds is known soon; otherwise the circuit says when.
        is_trying = circuit.state is BreakerState.HALF_OPEN or passage == "trial"
        come_back = moment if is_trying else circuit.opens_at(moment, last_resort=last_resort)
        round_.skip(instance, "It is passed over after repeated failures.", come_back)
        return False

    def _request(self, message: Message) -> EmailRequest:
        sealed = self._secrets.open_json(message.payload or "")
        template = sealed["custom_template"]
        return EmailRequest(
            to=self._secrets.open(message.recipient),
            usage_type=UsageType(message.usage_type),
            payload=sealed["payload"],
            locale=message.locale,
            ui_locales=sealed["ui_locales"],
            ip=sealed["ip"],
            deadline=message.deadline,
            custom_template=EmailTemplate.model_validate(template) if template else None,
            message_id=message.id,
            idempotency_key=message.id,
        )

    def _report(self, message: Message, outcome: Outcome, settled: Settled) -> None:
        facts = {"message": message.id, "usage_type": message.usage_type}
        *passed_on, last = outcome.attempts
        for each in passed_on:
            log.info("mail passed on", **facts, **attempt.facts(each), reason=each.error)
        log.info(
            "mail delivery",
            **facts,
            **attempt.facts(last),
            state=outcome.state.value,
            reason=outcome.reason,
            lease_lost=not settled.kept,
        )
        if outcome.saved_by_fallback:
            log.warning("mail saved by fallback", **facts, connector=outcome.connector_id)
        for note in outcome.notes:
            if turn := settled.turns.get(note.connector_id):
                event = {"opened": "connector passed over from now on", "closed": "connector back"}
                log.warning(event[turn], connector=note.connector_id, reason=note.reason)
        for seen in attempt.observed(message, outcome.attempts, outcome.state, settled.turns):
            self._plugins.ask("idp_email_attempted", attempt=seen)
