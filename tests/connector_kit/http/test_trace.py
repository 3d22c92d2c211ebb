"""An exchange as an administrator sees it."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from http_server import reply, running_http_server

from idp.connector_kit import Mask, PermanentFailure
from idp.connector_kit.http import HttpEndpoint, HttpProbe

Open = Callable[..., HttpEndpoint]


async def test_a_probe_shows_each_step(open_endpoint: Open) -> None:
    probe = HttpProbe()
    async with running_http_server(lambda _: reply(202)) as server:
        await open_endpoint(server.port).post(b"a", {}, Mask([]), trace=probe)
    probe.end("HTTP 202")
    assert [(step.name, step.ok, step.detail) for step in probe.steps] == [
        ("connect", True, f"127.0.0.1 port {server.port}"),
        ("request", True, ""),
        ("answer", True, "HTTP 202"),
    ]
    assert all(step.seconds > 0 for step in probe.steps)


async def test_a_probe_shows_the_certificate(
    open_endpoint: Open,
    server_tls: ssl.SSLContext,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    probe = HttpProbe()
    async with running_http_server(lambda _: reply(202), tls=server_tls) as server:
        await open_endpoint(server.port, "https").post(b"a", {}, Mask([]), trace=probe)
    detail = probe.steps[1].detail
    assert [step.name for step in probe.steps] == ["connect", "TLS", "request"]
    assert detail.startswith("TLSv1.3 TLS_")
    assert "certificate for 127.0.0.1, issued by " in detail
    assert ", valid until " in detail


def test_a_failure_before_the_first_step_is_about_the_message() -> None:
    probe = HttpProbe()
    probe.fail(PermanentFailure("No such mail."))
    [step] = probe.steps
    assert (step.name, step.ok, step.seconds, step.advice) == ("message", False, 0, "No such mail.")
