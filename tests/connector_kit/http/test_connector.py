"""The base of connectors that speak HTTP, with the smallest connector there can be."""

import subprocess
import sys

import pytest
from http_server import HttpRequest, reply, running_http_server

from idp.connector_kit import (
    ConnectorConfig,
    ConnectorMetadata,
    DeliveryReceipt,
    EmailRequest,
    Mask,
    PermanentFailure,
    UsageType,
)
from idp.connector_kit.http import HttpAnswer, HttpEmailConnector, HttpEndpoint, HttpMail

REQUEST = EmailRequest(to="jane@x.test", usage_type=UsageType.GENERIC, payload={"code": "428913"})


class PigeonConfig(ConnectorConfig):
    port: int


class PigeonConnector(HttpEmailConnector[PigeonConfig]):
    metadata = ConnectorMetadata(
        id="pigeon", target="pigeon", name={}, description={}, example_config={}
    )
    config_model = PigeonConfig

    def open_endpoint(self) -> HttpEndpoint:
        url = f"http://127.0.0.1:{self.config.port}/"
        return HttpEndpoint(url, key="port", timeout=1, keep_alive=1)

    def compose(self, request: EmailRequest) -> HttpMail:
        return HttpMail(request.to.encode(), {})

    def judge(self, answer: HttpAnswer, mask: Mask) -> DeliveryReceipt:
        words = mask(answer.body.decode())
        if not answer.is_success:
            raise PermanentFailure("No.", reply=answer.as_reply(words))
        return DeliveryReceipt(reply=words)


def echo(request: HttpRequest) -> bytes:
    return reply(200, b"took 428913 for " + request.body)


async def test_the_answer_is_judged_with_what_is_private_masked() -> None:
    async with running_http_server(echo) as server:
        connector = PigeonConnector(PigeonConfig(port=server.port))
        receipt = await connector.send(REQUEST)
        await connector.aclose()
    assert receipt.reply == "took *** for ***"


async def test_a_test_mail_goes_over_a_connection_of_its_own() -> None:
    async with running_http_server(echo) as server:
        connector = PigeonConnector(PigeonConfig(port=server.port))
        await connector.send(REQUEST)
        steps = await connector.probe(REQUEST)
        await connector.aclose()
    assert server.connections == 2
    assert [step.name for step in steps] == ["connect", "request", "answer"]
    assert steps[-1].detail == "took *** for ***"


async def test_a_test_mail_that_fails_ends_with_its_failure() -> None:
    async with running_http_server(lambda _: reply(418, b"jane")) as server:
        *_, last = await PigeonConnector(PigeonConfig(port=server.port)).probe(REQUEST)
    assert (last.ok, last.detail, last.advice) == (False, "HTTP 418 ***", "No.")


def test_what_is_posted_is_not_shown() -> None:
    assert repr(HttpMail(b"428913", {"Authorization": "hush"})) == "HttpMail()"


@pytest.mark.parametrize(
    ("module", "listed"), [("connector_kit", False), ("connector_kit.http", True)]
)
def test_only_the_http_part_of_the_kit_needs_an_http_client(module: str, listed: bool) -> None:
    program = f"import sys, idp.{module}; print('httpx2' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ran.stdout == f"{listed}\n".encode()
