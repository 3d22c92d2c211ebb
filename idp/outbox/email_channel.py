"""The channel of mails: one connector instance after the other, past those that rest."""

from functools import partial

from idp.connector_kit import DeliveryReceipt, EmailRequest, EmailTemplate, UsageType
from idp.connectors import Opened, Unusable
from idp.outbox import attempt, breakers
from idp.outbox.channel import Channel, Claim, Turns
from idp.outbox.ledger import Outcome
from idp.outbox.policy import Circuit, Result
from idp.outbox.round import Round
from idp.storage import Database, Secrets
from idp.storage.tables import BreakerState, Connector, Message

EMAIL = "email"
AT_ONCE = 32
"""Mails one connector instance may have under way here."""

_NO_CONNECTOR = "No email connector is set up."
_NO_TIME = "There was no time left to try a connector."


class EmailChannel(Channel):
    """Hands mails to the connector instances."""

    name = EMAIL

    def __init__(self, database: Database, secrets: Secrets) -> None:
        self._database = database
        self._secrets = secrets
        self._turns = Turns(AT_ONCE)

    async def carry(self, claim: Claim, round_: Round) -> Outcome:
        """Try the connector instances in order until one takes the mail."""
        request = self._request(round_.message)
        for choice, circuit in claim.route:
            if not round_.may_go_on:
                break
            if not await self._may_pass(choice.instance, circuit, claim, round_):
                continue
            result = await self._try(choice, circuit, request, round_)
            if isinstance(result, DeliveryReceipt):
                return round_.sent(choice.instance.id, result)
            if result and not round_.goes_on_after(result):
                break
        return round_.not_sent(_NO_TIME if claim.route else _NO_CONNECTOR)

    async def _try(
        self, choice: Opened | Unusable, circuit: Circuit, request: EmailRequest, round_: Round
    ) -> Result | None:
        """Try one connector instance; None when it was passed over."""
        instance = choice.instance
        if isinstance(choice, Unusable):
            return round_.note(instance.id, round_.moment, choice.problem, circuit)
        async with self._turns.wait(instance.id) as has_come:
            if not has_come:
                round_.skip(instance.id, "It has too many mails under way.", round_.moment)
            if not has_come or not round_.may_go_on:
                return None
            started_at = round_.moment
            result = await attempt.send(choice, request, round_.seconds_to_send)
        return round_.note(instance.id, started_at, result, circuit)

    async def _may_pass(
        self, instance: Connector, circuit: Circuit, claim: Claim, round_: Round
    ) -> bool:
        moment, last_resort = round_.moment, claim.is_last_resort
        passage = circuit.passage(moment, last_resort=last_resort)
        if passage == "free":
            return True
        take = partial(breakers.take_trial, last_resort=last_resort)
        if passage == "trial" and await self._database.run(take, instance.id):
            return True
        # Whether a trial under way succeeds is known soon; otherwise the circuit says when.
        is_trying = circuit.state is BreakerState.HALF_OPEN or passage == "trial"
        come_back = moment if is_trying else circuit.opens_at(moment, last_resort=last_resort)
        round_.skip(instance.id, "It is passed over after repeated failures.", come_back)
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
