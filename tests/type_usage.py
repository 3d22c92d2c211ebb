"""Usage of the connector kit that must keep type-checking; never run."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import assert_type

from pydantic import Field, SecretStr

from idp.connector_kit import (
    Capability,
    ConfigChange,
    ConnectorConfig,
    ConnectorMetadata,
    DeliveryReceipt,
    EmailConnector,
    EmailRequest,
    EmailTemplate,
    Mailbox,
    Mask,
    PermanentFailure,
    ProbeStep,
    ProviderReply,
    RateLimited,
    RenderedEmail,
    TemplateSet,
    TransientFailure,
    UsageType,
    build_mime,
    parse_mailbox,
    render,
    substitute,
)
from idp.connector_kit.http import HttpAnswer, HttpEmailConnector, HttpEndpoint, HttpMail
from idp.connector_kit.shipped_templates import shipped_locales, shipped_templates
from idp.connector_kit.testing import (
    EmailConnectorConformance,
    MemoryConfig,
    MemoryEmailConnector,
    ReceivedEmail,
    RecordingProvider,
)


class PigeonConfig(ConnectorConfig):
    api_key: SecretStr
    from_email: str
    templates: list[EmailTemplate] = Field(default_factory=list)


class PigeonConnector(EmailConnector[PigeonConfig]):
    metadata = ConnectorMetadata(
        id="pigeon-email",
        target="pigeon",
        name={"en": "Pigeon"},
        description={"en": "Sends by pigeon."},
        example_config={"apiKey": "<api-key>", "fromEmail": "<address>", "templates": []},
        capabilities=frozenset({Capability.CUSTOM_TEMPLATE}),
    )
    config_model = PigeonConfig

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        assert_type(self.config, PigeonConfig)
        templates = TemplateSet(self.config.templates)
        template = templates.select(request.usage_type, request.custom_template)
        rendered = assert_type(render(template, request.payload), RenderedEmail)
        sender = assert_type(parse_mailbox(self.config.from_email), Mailbox)
        message = build_mime(rendered, request, sender=sender, headers={"X-Tag": ["a", "b"]})
        reply = ProviderReply(text=substitute("{{a}}", {"a": len(message)}), reply_code=450)
        match rendered.subject:
            case "slow":
                raise RateLimited("Too many mails.", retry_after=1.5, reply=reply)
            case "later":
                raise TransientFailure("The provider is busy.", retry_after=30)
            case "never":
                raise PermanentFailure("Refused.", reason="recipient_refused", reply=reply)
        return DeliveryReceipt(provider_id="1", reply="taken")


class AirmailConnector(HttpEmailConnector[PigeonConfig]):
    metadata = PigeonConnector.metadata
    config_model = PigeonConfig

    def open_endpoint(self) -> HttpEndpoint:
        return HttpEndpoint("https://air.test", key="address", timeout=8.0, keep_alive=30.0)

    def compose(self, request: EmailRequest) -> HttpMail:
        key = assert_type(self.config.api_key, SecretStr).get_secret_value()
        return HttpMail(request.to.encode(), {"Authorization": key})

    def judge(self, answer: HttpAnswer, mask: Mask) -> DeliveryReceipt:
        reply = assert_type(
            answer.as_reply(mask(str(answer.json_object().get("why")))), ProviderReply
        )
        if postponed := assert_type(answer.postponement(reply), TransientFailure | None):
            raise postponed
        return DeliveryReceipt(provider_id=answer.headers.get("X-Id"), reply=reply.text)


class Loft:
    config: Mapping[str, object] = {"apiKey": "k", "fromEmail": "a@x.test"}

    def received(self) -> list[ReceivedEmail]:
        return [ReceivedEmail.from_bytes(b"Subject: s\r\n\r\nt\r\n", ["a@x.test"])]


class PigeonConformance(EmailConnectorConformance):
    connector_class = PigeonConnector

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[RecordingProvider]:
        yield Loft()


async def keep(change: Mapping[str, object]) -> None:
    assert_type(change, Mapping[str, object])


KEEP: ConfigChange = keep


async def use_the_kit() -> None:
    config = assert_type(PigeonConfig.parse({"apiKey": "k"}), PigeonConfig)
    request = EmailRequest(to="a@x.test", usage_type=UsageType.SIGN_IN, payload={"code": "1"})
    connector = PigeonConnector(config)
    assert_type(await connector.send(request), DeliveryReceipt)
    assert_type(await connector.probe(request), list[ProbeStep])
    connector.on_config_change = keep
    await connector.change_config({"apiKey": "k2"})
    await connector.aclose()
    await MemoryEmailConnector(MemoryConfig()).send(request)
    assert_type(MemoryEmailConnector.sent, list[ReceivedEmail])
    assert_type(
        [shipped_templates(locale) for locale in shipped_locales()], list[list[EmailTemplate]]
    )


SENDERS: list[type[EmailConnector[PigeonConfig]]] = [PigeonConnector, AirmailConnector]
