"""A delivery as an administrator wants to see it: step by step, with times, and what to do."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from time import perf_counter
from typing import cast

from aiosmtplib import SMTPResponse
from cryptography.x509 import (
    ExtensionNotFound,
    Name,
    SubjectAlternativeName,
    load_der_x509_certificate,
)
from cryptography.x509.oid import NameOID

from idp.connector_kit import ConnectorError, Mask, ProbeStep
from idp_smtp_email.advice import advice_for
from idp_smtp_email.config import SmtpConfig
from idp_smtp_email.failures import Stage
from idp_smtp_email.trace import Trace

_NAMES = {
    Stage.DNS: "DNS",
    Stage.CONNECT: "TCP",
    Stage.GREETING: "banner",
    Stage.EHLO: "EHLO",
    Stage.TLS: "TLS",
    Stage.AUTH: "AUTH",
    Stage.MAIL: "MAIL",
    Stage.RCPT: "RCPT",
    Stage.DATA: "DATA",
    Stage.MESSAGE: "reply",
}


class ProbeTrace(Trace):
    """Collects the steps of one delivery."""

    is_lock_step = True

    def __init__(self, config: SmtpConfig, mask: Mask) -> None:
        self.steps: list[ProbeStep] = []
        self._config = config
        self._mask = mask
        self._stage: Stage | None = None
        self._since = 0.0
        self._until = 0.0
        self._detail = ""

    def entered(self, stage: Stage) -> None:
        self.close()
        self._stage, self._since, self._until, self._detail = stage, perf_counter(), 0.0, ""

    def resolved(self, addresses: list[str]) -> None:
        self._detail = ", ".join(addresses)

    def connected(self, address: str) -> None:
        self._detail = f"{address} port {self._config.server_port}"

    def replied(self, stage: Stage, reply: SMTPResponse) -> None:
        self._until = perf_counter()
        self._detail = f"{reply.code} {self._mask(reply.message)}"

    def secured(self, facts: Mapping[str, object]) -> None:
        is_first = self._stage is Stage.GREETING
        self._stage, self._detail = Stage.TLS, ", ".join(_tls_facts(facts))
        if not self._config.tls.reject_unauthorized:
            self._detail += ", not checked"
        if is_first:  # TLS from the first byte; the banner comes right behind it
            self.entered(Stage.GREETING)

    def greeted(self, extensions: Mapping[str, str]) -> None:
        offers = [f"{name} {value}".strip().upper() for name, value in extensions.items()]
        self._detail = self._mask(", ".join(offers)) or "no extensions"

    def logged_in(self, mechanism: str) -> None:
        self._detail = mechanism

    def close(self) -> None:
        """End the step under way: it worked."""
        if self._stage is not None:
            self._add(ok=True, detail=self._detail)
        self._stage = None

    def fail(self, failure: ConnectorError) -> None:
        """End with the step that did not work."""
        reply = failure.reply
        stage = Stage(reply.stage) if reply.stage else self._stage
        if stage is not self._stage and self._detail:
            self.close()
        self._stage = stage
        detail = f"{reply.reply_code or ''} {reply.text}".strip()
        self._add(ok=False, detail=detail, advice=advice_for(reply, self._config) or str(failure))

    def _add(self, *, ok: bool, detail: str, advice: str | None = None) -> None:
        name = _NAMES[self._stage] if self._stage else "message"
        seconds = (self._until or perf_counter()) - self._since if self._since else 0.0
        step = ProbeStep(name=name, ok=ok, seconds=seconds, detail=detail, advice=advice)
        self.steps.append(step)
        self._since = 0.0


def _tls_facts(facts: Mapping[str, object]) -> Iterator[str]:
    certificate = load_der_x509_certificate(cast("bytes", facts["certificate"]))
    yield f"{facts['version']} {facts['cipher']}"
    yield f"certificate of {_readable(certificate.subject)}"
    with suppress(ExtensionNotFound):
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
        yield f"for {' '.join(str(name.value) for name in names)}"
    yield f"issued by {_readable(certificate.issuer)}"
    yield f"valid until {certificate.not_valid_after_utc:%Y-%m-%d}"


def _readable(name: Name) -> str:
    """Return the name people know: the common name, else the whole."""
    common_names = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common_names[0].value) if common_names else name.rfc4514_string() or "nobody"
