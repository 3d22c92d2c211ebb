"""The base of connectors whose provider takes mails by HTTP: one POST is one mail."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from idp.connector_kit.contract import (
    ConfigT,
    DeliveryReceipt,
    EmailConnector,
    EmailRequest,
    ProbeStep,
)
from idp.connector_kit.errors import ConnectorError
from idp.connector_kit.http.answer import HttpAnswer
from idp.connector_kit.http.endpoint import HttpEndpoint
from idp.connector_kit.http.trace import HttpProbe, HttpTrace
from idp.connector_kit.masking import Mask, private_texts


@dataclass(frozen=True)
class HttpMail:
    """What is posted for one mail."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class HttpEmailConnector(EmailConnector[ConfigT]):
    """Posts each mail over connections that are kept open.

    A subclass says where to (`open_endpoint`), what (`compose`) and what an answer means (`judge`).
    """

    def __init__(self, config: ConfigT) -> None:
        super().__init__(config)
        self._endpoint = self.open_endpoint()

    @abstractmethod
    def open_endpoint(self) -> HttpEndpoint:
        """Return the place mails are posted to; nothing is connected yet."""

    @abstractmethod
    def compose(self, request: EmailRequest) -> HttpMail:
        """Write one mail as the provider wants it; raises ConnectorError when that cannot be."""

    @abstractmethod
    def judge(self, answer: HttpAnswer, mask: Mask) -> DeliveryReceipt:
        """Return the receipt if the mail was taken; raises ConnectorError if it was not."""

    def secrets(self) -> Sequence[str]:
        """List what must never be shown, should an answer repeat it."""
        return ()

    async def send(self, request: EmailRequest) -> DeliveryReceipt:
        """Post one mail."""
        return await self._deliver(request, self._endpoint, HttpTrace())

    async def probe(self, request: EmailRequest) -> list[ProbeStep]:
        """Post one mail over a connection of its own, so that each step is seen."""
        endpoint, probe = self.open_endpoint(), HttpProbe()
        try:
            receipt = await self._deliver(request, endpoint, probe)
        except ConnectorError as failure:
            probe.fail(failure)
        else:
            probe.end(receipt.reply)
        finally:
            await endpoint.aclose()
        return probe.steps

    async def aclose(self) -> None:
        """Let the mails under way finish, then hang up."""
        await self._endpoint.aclose()

    async def _deliver(
        self, request: EmailRequest, endpoint: HttpEndpoint, trace: HttpTrace
    ) -> DeliveryReceipt:
        mail = self.compose(request)
        mask = Mask([*private_texts(request.to, request.payload), *self.secrets()])
        answer = await endpoint.post(
            mail.body, mail.headers, mask, deadline=request.deadline, trace=trace
        )
        return self.judge(answer, mask)
