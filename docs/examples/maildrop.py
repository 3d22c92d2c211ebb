"""A complete connector plugin: every mail becomes a file in a directory."""

from pathlib import Path
from uuid import uuid4

from idp import connector_kit as kit
from idp import hookimpl


class MaildropConfig(kit.ConnectorConfig):
    directory: Path
    from_email: str
    templates: list[kit.EmailTemplate]


class MaildropConnector(kit.EmailConnector[MaildropConfig]):
    metadata = kit.ConnectorMetadata(
        id="maildrop-email",
        target="maildrop",
        name={"en": "Maildrop"},
        description={"en": "Writes each mail into a directory."},
        example_config={"directory": "<directory>", "fromEmail": "<address>", "templates": []},
    )
    config_model = MaildropConfig

    async def send(self, request: kit.EmailRequest) -> kit.DeliveryReceipt:
        templates = kit.TemplateSet(self.config.templates)
        rendered = kit.render(templates.select(request.usage_type), request.payload)
        sender = kit.parse_mailbox(self.config.from_email)
        file = self.config.directory / f"{request.message_id or uuid4()}.eml"
        try:
            file.write_bytes(kit.build_mime(rendered, request, sender=sender))
        except OSError as error:
            raise kit.TransientFailure(f"No mail can be written: {error.strerror}.") from error
        return kit.DeliveryReceipt(provider_id=file.name)


@hookimpl
def idp_register_email_connectors() -> list[type[MaildropConnector]]:
    return [MaildropConnector]
