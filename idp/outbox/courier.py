"""Deliver one promised message: claim it, hand it to its channel, settle it."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Concatenate, ParamSpec

import structlog
from sqlmodel import Session

from idp.connectors import Connectors
from idp.outbox import attempt, breakers, ledger
from idp.outbox.channel import Channel, Claim
from idp.outbox.email_channel import EMAIL, EmailChannel
from idp.outbox.ledger import Outcome, Settled
from idp.outbox.policy import Circuit
from idp.outbox.round import Round
from idp.plugins import Plugins
from idp.storage import Database, Secrets
from idp.storage.group_commit import GroupCommit
from idp.storage.tables import Connector, Message

P = ParamSpec("P")

log = structlog.get_logger(__name__)

_LINGER = 0.010  # seconds: settling later costs nobody anything, and the database less

FollowUp = Callable[[Session, Sequence[tuple[Message, Outcome]]], None]
"""Tells a carrier, inside the transaction, which messages have ended and which come back when."""


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
        self.connectors = connectors
        self._plugins = plugins
        self._follow_up = follow_up
        self._settlements = GroupCommit(self._settle, _LINGER)
        self._channels: dict[str, Channel] = {}
        self.open(EmailChannel(database, secrets))

    def open(self, channel: Channel) -> None:
        """Let messages of one more channel leave."""
        self._channels[channel.name] = channel

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
        """Let the channel of the message make its attempts, and settle it."""
        round_ = Round(claim.message)
        outcome = await self._attempt(claim, round_)
        settled = await self._keep(round_, outcome)
        self._report(claim.message, outcome, settled)

    async def aclose(self) -> None:
        """Release what the channels hold open."""
        for channel in self._channels.values():
            await channel.aclose()

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
        channel = self._channels.get(message.channel)
        if channel is None:
            return round_.not_sent(f"Nothing here knows the channel {message.channel}.")
        return await channel.carry(claim, round_)

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
        if message.channel != EMAIL:
            return
        for seen in attempt.observed(message, outcome.attempts, outcome.state, settled.turns):
            self._plugins.ask("idp_email_attempted", attempt=seen)
