"""How far one HTTP exchange got, and the same as steps for an administrator."""

import ssl
from collections.abc import Iterator, Mapping
from enum import StrEnum
from time import perf_counter
from typing import Any

from idp.connector_kit.contract import ProbeStep
from idp.connector_kit.errors import ConnectorError


class HttpStage(StrEnum):
    """The steps of an exchange; the first two are left out on a connection that was open."""

    CONNECT = "connect"
    TLS = "tls"
    REQUEST = "request"
    ANSWER = "answer"


_STAGES = {
    "connect_tcp.started": HttpStage.CONNECT,
    "start_tls.started": HttpStage.TLS,
    "send_request_headers.started": HttpStage.REQUEST,
    "receive_response_headers.started": HttpStage.ANSWER,
}
_NAMES = {
    HttpStage.CONNECT: "connect",
    HttpStage.TLS: "TLS",
    HttpStage.REQUEST: "request",
    HttpStage.ANSWER: "answer",
}


class HttpTrace:
    """Follows one exchange; the HTTP client calls it with each of its events."""

    def __init__(self) -> None:
        self.stage = HttpStage.CONNECT
        self.is_handed_over = False
        """Whether the other side may have the whole request."""

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Take an event such as "http11.send_request_body.started"."""
        if getattr(info.get("request"), "method", b"") == b"CONNECT":
            return  # a question to a proxy on the way
        step = event.partition(".")[2]
        if step in _STAGES:
            self.entered(_STAGES[step])
        elif step == "send_request_body.started":
            self.is_handed_over = True
        elif step in {"connect_tcp.complete", "start_tls.complete"}:
            self.connected(info["return_value"])

    def entered(self, stage: HttpStage) -> None:
        """Note that a stage begins."""
        self.stage = stage

    def connected(self, stream: Any) -> None:
        """Note that there is a connection, plain at first and then with TLS."""


class HttpProbe(HttpTrace):
    """Collects the steps of one exchange over a connection of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[ProbeStep] = []
        self._name = "message"
        self._since: float | None = None
        self._detail = ""

    def entered(self, stage: HttpStage) -> None:
        """End the step before it, and begin."""
        self.end()
        super().entered(stage)
        self._name, self._since, self._detail = _NAMES[stage], perf_counter(), ""

    def connected(self, stream: Any) -> None:
        """Keep what can be told of the other side."""
        tls = stream.get_extra_info("ssl_object")
        if tls is not None:
            self._detail = ", ".join(_tls_facts(tls))
        else:
            host, port, *_ = stream.get_extra_info("server_addr")
            self._detail = f"{host} port {port}"

    def end(self, detail: str | None = None) -> None:
        """End the step under way: it worked."""
        if self._since is not None:
            self._add(ok=True, detail=self._detail if detail is None else detail)

    def fail(self, failure: ConnectorError) -> None:
        """End with the step that did not work; the failure says what to do."""
        self._add(ok=False, detail=failure.reply.text, advice=str(failure))

    def _add(self, *, ok: bool, detail: str, advice: str | None = None) -> None:
        seconds = 0.0 if self._since is None else perf_counter() - self._since
        step = ProbeStep(name=self._name, ok=ok, seconds=seconds, detail=detail, advice=advice)
        self.steps.append(step)
        self._since = None


def _tls_facts(tls: ssl.SSLObject) -> Iterator[str]:
    cipher, certificate = tls.cipher(), tls.getpeercert() or {}
    yield f"{tls.version()} {cipher[0] if cipher else ''}".strip()
    names = [str(entry[1]) for entry in certificate.get("subjectAltName", ())]
    yield f"certificate for {' '.join(names)}"
    yield f"issued by {_common_name(certificate.get('issuer', ()))}"
    yield f"valid until {certificate.get('notAfter')}"


def _common_name(name: Any) -> str:
    """Return the name people know, else the whole."""
    parts = dict(part[0] for part in name)
    return str(parts.get("commonName") or ", ".join(parts.values()) or "nobody")
