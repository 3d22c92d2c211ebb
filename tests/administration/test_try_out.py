"""Test mails through connectors that do what they may not."""

import pytest
from structlog.testing import capture_logs

from idp import hookimpl
from idp.administration.connectors import try_out
from idp.connector_kit import DeliveryReceipt, EmailRequest, UsageType
from idp.connector_kit.testing import MemoryEmailConnector
from idp.outbox.sample import sample_mail
from idp.plugins import load_plugins

SECRET = "the-password-in-an-error"


class Careless(MemoryEmailConnector):
    """Raises what no connector may raise."""

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        raise KeyError(SECRET)


class Unopenable(MemoryEmailConnector):
    """Cannot even be opened."""

    def __init__(self, config: object) -> None:
        raise RuntimeError(SECRET)


@pytest.mark.parametrize("connector", [Careless, Unopenable])
async def test_a_defect_of_a_plugin_is_a_step_that_failed(
    connector: type[MemoryEmailConnector],
) -> None:
    class Plugin:
        @hookimpl
        def idp_register_email_connectors(self) -> list[type[MemoryEmailConnector]]:
            return [connector]

    mail = sample_mail("me@example.test", UsageType.GENERIC, locale="en", template=None)
    with capture_logs() as logged:
        tested = await try_out(load_plugins([Plugin()]), connector, {}, mail)
    assert tested.failed_step
    assert (tested.failed_step.name, SECRET in str(tested)) == ("plugin", False)
    assert "connector defect" in [entry["event"] for entry in logged]
