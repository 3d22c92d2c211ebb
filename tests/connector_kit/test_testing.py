"""Tests of the tools for plugin authors: right connectors pass, wrong ones are found."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from idp.connector_kit import (
    ConnectorConfig,
    ConnectorMetadata,
    DeliveryReceipt,
    EmailRequest,
    EmailTemplate,
    InvalidConfig,
    PermanentFailure,
    ProbeStep,
    TemplateSet,
    UsageType,
    render,
)
from idp.connector_kit.shipped_templates import shipped_templates
from idp.connector_kit.testing import (
    EmailConnectorConformance,
    MemoryConfig,
    MemoryEmailConnector,
    ReceivedEmail,
    RecordingProvider,
)

SHIPPED = [template.model_dump(by_alias=True) for template in shipped_templates("en")]


@dataclass
class Memory:
    """The provider's side of the memory connector."""

    connector_class: type[MemoryEmailConnector]
    config: Mapping[str, object]

    def received(self) -> list[ReceivedEmail]:
        return list(self.connector_class.sent)


class MemoryConformance(EmailConnectorConformance):
    connector_class: type[MemoryEmailConnector]
    config: ClassVar[Mapping[str, object]] = {"templates": SHIPPED}

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[RecordingProvider]:
        self.connector_class.sent.clear()
        yield Memory(self.connector_class, self.config)


class TestMemoryEmailConnector(MemoryConformance):
    connector_class = MemoryEmailConnector


class TestMemoryEmailConnectorWithItsDefaults(MemoryConformance):
    connector_class = MemoryEmailConnector
    config: ClassVar[Mapping[str, object]] = {}


class PlainConnector(MemoryEmailConnector):
    """Declares no capability."""

    metadata = replace(MemoryEmailConnector.metadata, capabilities=frozenset())


class TestConnectorWithoutCapabilities(MemoryConformance):
    connector_class = PlainConnector


class SendsTwice(MemoryEmailConnector):
    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        await super().send(request)
        return await super().send(request)


class IgnoresGeneric(MemoryEmailConnector):
    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        own = {template.usage_type: template for template in self.config.templates}
        chosen = own.get(request.usage_type, self.config.templates[0])
        return await super().send(replace(request, custom_template=chosen))


class IgnoresCustomTemplates(MemoryEmailConnector):
    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        return await super().send(replace(request, custom_template=None))


class WritesToSomebodyElse(MemoryEmailConnector):
    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        return await super().send(replace(request, to="else@example.test"))


class LosesTheCode(MemoryEmailConnector):
    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        return await super().send(replace(request, payload={**request.payload, "code": ""}))


class MakesItsOwnMessageId(MemoryEmailConnector):
    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        return await super().send(replace(request, message_id=None))


class BuildsByHand(MemoryEmailConnector):
    """Puts every value where it stands, and takes every comma for a separator."""

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        templates = TemplateSet(self.config.templates)
        template = templates.select(request.usage_type, request.custom_template)
        rendered = render(template, request.payload)
        head = f"Subject: {rendered.subject}\r\nFrom: {rendered.send_from}\r\n\r\n"
        message = (head + rendered.text).encode()
        self.sent.append(ReceivedEmail.from_bytes(message, request.to.split(",")))
        return DeliveryReceipt()


class ExpandsTwice(MemoryEmailConnector):
    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        templates = TemplateSet(self.config.templates)
        template = templates.select(request.usage_type, request.custom_template)
        once = render(template, request.payload)
        words = {"subject": once.subject, "content": once.html or "", "text": once.text}
        return await super().send(
            replace(request, custom_template=template.model_copy(update=words))
        )


class WritesRawHtml(MemoryEmailConnector):
    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        receipt = await super().send(request)
        markup = (self.sent[-1].html or "").replace("&lt;", "<").replace("&gt;", ">")
        self.sent[-1] = replace(self.sent[-1], html=markup)
        return receipt


class BreaksWhenCancelled(MemoryEmailConnector):
    broken = False

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        if self.broken:
            return DeliveryReceipt(reply="the reply to another mail")
        try:
            await asyncio.sleep(0.002)
        except asyncio.CancelledError:
            self.broken = True
            raise
        return await super().send(request)


class MixesUpMails(MemoryEmailConnector):
    latest: EmailRequest

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        self.latest = request
        await asyncio.sleep(0)
        return await super().send(replace(request, payload=self.latest.payload))


class ResolvesAtOnce(MemoryEmailConnector):
    def __init__(self, config: MemoryConfig) -> None:
        super().__init__(config)
        socket.getaddrinfo("127.0.0.1", 25, flags=socket.AI_NUMERICHOST)


class ClosesOnce(MemoryEmailConnector):
    closed = False

    async def aclose(self) -> None:
        assert not self.closed
        self.closed = True


class ProbesWithoutSending(MemoryEmailConnector):
    async def probe(self, request: EmailRequest) -> list[ProbeStep]:
        return [ProbeStep(name="send", ok=True)]


class ShowsTheRecipient(MemoryEmailConnector):
    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        try:
            return await super().send(request)
        except PermanentFailure as failure:
            raise PermanentFailure(f"{request.to} was refused.") from failure


class OpenConfig(MemoryConfig):
    api_key: str = ""


class ShowsItsApiKey(MemoryEmailConnector):
    config_model = OpenConfig


class LaxConfig(MemoryConfig):
    @classmethod
    def parse(cls, raw: Mapping[str, object]) -> "LaxConfig":
        return cls.model_validate({key: raw[key] for key in raw if key == "templates"})


class TakesUnknownKeys(MemoryEmailConnector):
    config_model = LaxConfig


class VagueConfig(MemoryConfig):
    @classmethod
    def parse(cls, raw: Mapping[str, object]) -> "VagueConfig":
        try:
            return cls.model_validate(super().parse(raw).model_dump(by_alias=True))
        except InvalidConfig:
            raise InvalidConfig("Something is wrong.") from None


class GivesVagueProblems(MemoryEmailConnector):
    config_model = VagueConfig


class Anonymous(MemoryEmailConnector):
    metadata = ConnectorMetadata(id="", target="", name={}, description={}, example_config={})


class IncompleteExample(MemoryEmailConnector):
    metadata = replace(MemoryEmailConnector.metadata, example_config={"fromEmail": "a@x.test"})


class WrongServiceExample(MemoryEmailConnector):
    metadata = replace(MemoryEmailConnector.metadata, example_configs={"acme": {"prot": 25}})


class ForeignConfig(MemoryEmailConnector):
    config_model = dict  # type: ignore[assignment]


DEFECTS: list[tuple[type[MemoryEmailConnector], str]] = [
    (SendsTwice, "a_mail_of_each_usage_type_reaches_its_one_reader"),
    (SendsTwice, "twenty_mails_at_once_arrive_once_each"),
    (IgnoresGeneric, "generic_stands_in_for_a_missing_template"),
    (IgnoresCustomTemplates, "a_custom_template_wins"),
    (WritesToSomebodyElse, "a_mail_of_each_usage_type_reaches_its_one_reader"),
    (LosesTheCode, "a_mail_of_each_usage_type_reaches_its_one_reader"),
    (MakesItsOwnMessageId, "the_message_id_is_the_one_asked_for"),
    (BuildsByHand, "a_line_break_in_a_value_adds_no_header"),
    (BuildsByHand, "anything_but_one_recipient_is_refused"),
    (ExpandsTwice, "a_placeholder_in_a_value_stays_text"),
    (WritesRawHtml, "values_are_escaped_in_html"),
    (BreaksWhenCancelled, "a_cancelled_send_leaves_the_connector_usable"),
    (SendsTwice, "a_cancelled_send_leaves_the_connector_usable"),
    (MixesUpMails, "twenty_mails_at_once_arrive_once_each"),
    (ResolvesAtOnce, "constructing_touches_no_network"),
    (ClosesOnce, "closing_twice_is_safe"),
    (ProbesWithoutSending, "a_probe_sends_and_reports_its_steps"),
    (ShowsTheRecipient, "secrets_codes_and_addresses_stay_out_of_texts"),
    (ShowsItsApiKey, "secrets_codes_and_addresses_stay_out_of_texts"),
    (TakesUnknownKeys, "an_unknown_key_is_refused_with_the_nearest_known_one"),
    (GivesVagueProblems, "an_unknown_key_is_refused_with_the_nearest_known_one"),
    (Anonymous, "the_metadata_is_complete"),
    (IncompleteExample, "the_metadata_is_complete"),
    (WrongServiceExample, "the_metadata_is_complete"),
    (ForeignConfig, "the_config_model_builds_on_the_kit"),
]


@pytest.mark.parametrize(("broken", "check"), DEFECTS)
def test_a_defect_is_found(broken: type[MemoryEmailConnector], check: str) -> None:
    class Conformance(MemoryConformance):
        connector_class = broken
        config: ClassVar[Mapping[str, object]] = (
            {"templates": SHIPPED, "apiKey": "s3cret"}
            if broken is ShowsItsApiKey
            else MemoryConformance.config
        )

    with pytest.raises(AssertionError):
        getattr(Conformance(), f"test_{check}")()


def test_every_check_is_known_to_find_a_defect() -> None:
    checks = {name for name in dir(EmailConnectorConformance) if name.startswith("test_")}
    assert checks == {f"test_{check}" for _, check in DEFECTS}


def test_a_conformance_without_a_provider_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match="provider"):
        EmailConnectorConformance().provider()


async def test_each_subclass_keeps_its_own_mails() -> None:
    class First(MemoryEmailConnector):
        pass

    class Second(MemoryEmailConnector):
        pass

    payload = {"code": "428913"}
    request = EmailRequest(to="a@x.test", usage_type=UsageType.SIGN_IN, payload=payload)
    await First(MemoryConfig()).send(request)
    assert [email.recipient for email in First.sent] == ["a@x.test"]
    assert Second.sent == []


async def test_a_template_sets_sender_and_reply_address() -> None:
    class Connector(MemoryEmailConnector):
        pass

    words = {"usageType": "SignIn", "subject": "s", "content": "c"}
    template = EmailTemplate.parse({**words, "sendFrom": "B <b@x.test>", "replyTo": "c@x.test"})
    request = EmailRequest(to="a@x.test", usage_type=UsageType.SIGN_IN, payload={})
    await Connector(MemoryConfig()).send(replace(request, custom_template=template))
    assert Connector.sent[0].headers["From"] == "B <b@x.test>"
    assert Connector.sent[0].headers["Reply-To"] == "c@x.test"


def test_the_memory_connector_has_exactly_one_sender() -> None:
    with pytest.raises(InvalidConfig, match="fromEmail"):
        MemoryConfig.parse({"fromEmail": "a@x.test, b@x.test"})


def test_a_received_mail_has_text_html_and_all_its_recipients() -> None:
    email = ReceivedEmail.from_bytes(b"Subject: =?utf-8?q?=C3=BC?=\r\n\r\na\r\n", ["a@x", "b@x"])
    assert email == ReceivedEmail(recipient="a@x, b@x", subject="ü", text="a\n")
    assert ReceivedEmail.from_bytes(b"Content-Type: text/html\r\n\r\n<p>", ["a@x"]).html == "<p>"
    assert issubclass(MemoryConfig, ConnectorConfig)
