"""The contract of an email connector as tests that a plugin author subclasses."""

# ruff: noqa: D102, S101
# These are tests: their names are sentences, and a plain assert needs no test library.

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager, suppress
from dataclasses import replace
from functools import cache
from threading import get_ident
from typing import Any, TypeAlias

from idp.connector_kit.config import ConnectorConfig
from idp.connector_kit.contract import Capability, EmailConnector, EmailRequest
from idp.connector_kit.errors import ConnectorError, InvalidConfig, PermanentFailure
from idp.connector_kit.recording_provider import ReceivedEmail, RecordingProvider
from idp.connector_kit.templates import EmailTemplate
from idp.connector_kit.usage_types import REQUIRED_USAGE_TYPES, UsageType

_AnyConnector: TypeAlias = EmailConnector[Any]
_Config: TypeAlias = Mapping[str, object]
_Check: TypeAlias = Callable[[Any, _AnyConnector, RecordingProvider], Awaitable[None]]

_REQUEST = EmailRequest(
    to="reader@example.test",
    usage_type=UsageType.SIGN_IN,
    payload={
        "code": "428913",
        "link": "https://idp.example.test/invitations/7f3kq9",
        "expiresInDays": 7,
        "expiresInMinutes": 10,
        "issuer": "https://idp.example.test",
        "issuerHost": "idp.example.test",
        "application": {"name": "Acme"},
        "organization": {"name": "Acme Inc."},
    },
)
_HOSTILE_RECIPIENTS = (
    "reader@example.test,second@example.test",
    "reader@corp.test@evil.test",
    "reader@example.test\r\nRCPT TO:<second@example.test>",
)
_HOSTILE_WORDS = (
    {"subject": "{{application.name}}"},
    {"send_from": "{{application.name}} <idp@example.test>"},
    {"reply_to": "{{application.name}} <idp@example.test>"},
)
_SECRET_KEY = re.compile(r"(pass|password|passphrase|secret|token|authorization|key)$", re.I)
_HOSTILE_NAMES = (
    "Acme\r\nBcc: second@example.test\r\nX-Injected: yes",
    "=?utf-8?q?Acme=0D=0ABcc:_second@example.test=0D=0AX-Injected:_yes?=",
)


def _scenario(check: _Check) -> Callable[["EmailConnectorConformance"], None]:
    """Make a test method of `check`: a fresh provider, a fresh connector, a loop of its own."""

    def test(self: "EmailConnectorConformance") -> None:
        async def run() -> None:
            async with self.provider() as provider:
                config = self.connector_class.config_model.parse(provider.config)
                async with aclosing(self.connector_class(config)) as connector:
                    await check(self, connector, provider)

        asyncio.run(run())

    test.__name__ = check.__name__
    test.__doc__ = check.__doc__
    return test


class EmailConnectorConformance:
    """The contract as tests: subclass it in a test module, with a name that starts with Test.

    Set `connector_class`, implement `provider`, and pytest does the rest. Checks that need a
    capability pass when the connector does not declare it.
    """

    connector_class: type[EmailConnector[Any]]

    def provider(self) -> AbstractAsyncContextManager[RecordingProvider]:
        """Start a provider that takes every mail, and stop it when the context ends."""
        raise NotImplementedError("Implement `provider` to run the conformance tests.")

    def test_the_metadata_is_complete(self) -> None:
        metadata = self.connector_class.metadata
        for name in (metadata.id, metadata.target):
            assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name), f"{name!r} is not a short name"
        assert metadata.name.get("en"), "the name has no English text"
        assert metadata.description.get("en"), "the description has no English text"
        missing = _known_keys(self.connector_class) ^ set(metadata.example_config)
        assert not missing, f"example_config and config_model differ in {sorted(missing)}"
        for service, example in metadata.example_configs.items():
            unknown = set(example) - _known_keys(self.connector_class)
            assert not unknown, f"the example for {service} has unknown keys {sorted(unknown)}"

    def test_the_config_model_builds_on_the_kit(self) -> None:
        model = self.connector_class.config_model
        assert issubclass(model, ConnectorConfig), "config_model must subclass ConnectorConfig"

    @_scenario
    async def test_an_unknown_key_is_refused_with_the_nearest_known_one(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        known = max(_known_keys(type(connector)), key=len)
        error = _refusal(connector, {**provider.config, f"{known}x": 1})
        problem = error.problems.get(f"{known}x", "")
        assert known in problem, f"the error does not name {known!r}: {error.problems}"

    @_scenario
    async def test_constructing_touches_no_network(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        with _watched_network() as calls:
            another = type(connector)(connector.config)
        await another.aclose()
        assert not calls, f"constructing called {calls}"

    @_scenario
    async def test_closing_twice_is_safe(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        await connector.send(_REQUEST)
        await connector.aclose()
        await connector.aclose()

    @_scenario
    async def test_a_mail_of_each_usage_type_reaches_its_one_reader(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        for usage_type in UsageType:
            earlier = len(provider.received())
            await connector.send(replace(_REQUEST, usage_type=usage_type))
            words = _words(_only(provider.received()[earlier:]))
            is_invitation = usage_type is UsageType.ORGANIZATION_INVITATION
            expected = ("code", "link") if is_invitation else ("code",)
            assert any(str(_REQUEST.payload[name]) in words for name in expected), (
                f"the {usage_type} mail holds no {' or '.join(expected)}"
            )

    @_scenario
    async def test_generic_stands_in_for_a_missing_template(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        templates = provider.config.get("templates")
        if not isinstance(templates, list):
            return
        required = [item for item in templates if item["usageType"] in REQUIRED_USAGE_TYPES]
        config = connector.config_model.parse({**provider.config, "templates": required})
        async with aclosing(type(connector)(config)) as lean:
            await lean.send(replace(_REQUEST, usage_type=UsageType.GENERIC))
            await lean.send(replace(_REQUEST, usage_type=UsageType.MFA_VERIFICATION))
        generic, missing = provider.received()
        assert _words(missing) == _words(generic), "the Generic template was not used"

    @_scenario
    async def test_a_custom_template_wins(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        if _takes_templates(connector):
            await connector.send(_custom(subject="Custom {{code}}"))
            subject = _only(provider.received()).subject
            assert subject == "Custom 428913", f"the subject is {subject!r}"

    @_scenario
    async def test_values_are_escaped_in_html(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        name = "<img src=x> & Co"
        request = _custom(name) if _takes_templates(connector) else _named(name)
        await connector.send(request)
        markup = _only(provider.received()).html or ""
        assert "<img src=x>" not in markup, "a value was put into the HTML as markup"
        if _takes_templates(connector):
            assert "&lt;img src=x&gt; &amp; Co" in markup, "a value was lost or escaped twice"

    @_scenario
    async def test_a_placeholder_in_a_value_stays_text(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        name = "{{organization.secret}}"
        request = _custom(name) if _takes_templates(connector) else _named(name)
        organization = {"name": "Acme Inc.", "secret": "expanded-twice"}
        payload = {**request.payload, "organization": organization}
        await connector.send(replace(request, payload=payload))
        words = _words(_only(provider.received()))
        assert "expanded-twice" not in words, "a value was taken for a template"

    @_scenario
    async def test_a_line_break_in_a_value_adds_no_header(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        requests = [_named(name) for name in _HOSTILE_NAMES]
        if _takes_templates(connector):
            for words in _HOSTILE_WORDS:
                requests += [_custom(name, **words) for name in _HOSTILE_NAMES]
        for request in requests:
            with suppress(PermanentFailure):
                await connector.send(request)
        for email in provider.received():
            assert email.recipient == _REQUEST.to, "a value added a recipient"
            assert not {"\r", "\n"} & set(email.subject), "the subject has several lines"
            names = {name.lower() for name in email.headers}
            assert not {"bcc", "x-injected"} & names, "a value added a header"

    @_scenario
    async def test_anything_but_one_recipient_is_refused(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        for recipient in _HOSTILE_RECIPIENTS:
            error = await _failure(connector, replace(_REQUEST, to=recipient))
            assert isinstance(error, PermanentFailure), f"{recipient!r} gave {error!r}"
        assert not provider.received(), "a mail to a hostile recipient left"

    @_scenario
    async def test_the_message_id_is_the_one_asked_for(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        if Capability.MESSAGE_ID in connector.metadata.capabilities:
            await connector.send(replace(_REQUEST, message_id="conformance.1"))
            message_id = _only(provider.received()).headers["Message-ID"]
            assert message_id.startswith("<conformance.1@"), f"it is {message_id!r}"

    @_scenario
    async def test_twenty_mails_at_once_arrive_once_each(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        codes = {f"reader{number}@example.test": f"7301{number:02}" for number in range(20)}
        await asyncio.gather(*(connector.send(_to(*item)) for item in codes.items()))
        received = provider.received()
        recipients = sorted(email.recipient for email in received)
        assert recipients == sorted(codes), f"the mails went to {recipients}"
        for email in received:
            assert codes[email.recipient] in _words(email), "two mails were mixed up"

    @_scenario
    async def test_a_cancelled_send_leaves_the_connector_usable(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        for number, delay in enumerate((0, 0.001, 0.003, 0.01)):
            cancelled = asyncio.create_task(connector.send(_to(f"gone{number}@example.test")))
            await asyncio.sleep(delay)
            cancelled.cancel()
            await asyncio.gather(cancelled, return_exceptions=True)
            await connector.send(_to(f"next{number}@example.test"))
        recipients = [email.recipient for email in provider.received()]
        assert len(recipients) == len(set(recipients)), "a mail arrived twice"
        lost = {f"next{number}@example.test" for number in range(4)} - set(recipients)
        assert not lost, "a mail after a cancelled one was lost"

    @_scenario
    async def test_a_probe_sends_and_reports_its_steps(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        steps = await connector.probe(_REQUEST)
        assert _only(provider.received()).recipient == _REQUEST.to
        assert steps, "the probe reported no step"
        assert all(step.ok for step in steps), f"a step failed: {steps}"

    @_scenario
    async def test_secrets_codes_and_addresses_stay_out_of_texts(
        self, connector: _AnyConnector, provider: RecordingProvider
    ) -> None:
        refusal = _refusal(connector, {**provider.config, "noSuchKey": 1})
        failure = await _failure(connector, replace(_REQUEST, to=_HOSTILE_RECIPIENTS[0]))
        texts = [repr(connector.config), repr(_REQUEST), repr(refusal), str(refusal.problems)]
        texts += [repr(failure), repr(failure.reply)]
        for private in [*_secrets(provider.config), "428913", _HOSTILE_RECIPIENTS[0]]:
            assert not any(private in text for text in texts), "a secret, code or address is shown"


def _only(received: list[ReceivedEmail]) -> ReceivedEmail:
    assert len(received) == 1, f"{len(received)} mails arrived instead of one"
    assert received[0].recipient == _REQUEST.to, "the mail went to somebody else"
    return received[0]


def _words(email: ReceivedEmail) -> str:
    return "\n".join([email.subject, email.text, email.html or ""])


def _takes_templates(connector: _AnyConnector) -> bool:
    return Capability.CUSTOM_TEMPLATE in connector.metadata.capabilities


def _named(name: str) -> EmailRequest:
    return replace(_REQUEST, payload={**_REQUEST.payload, "application": {"name": name}})


def _custom(name: str = "Acme", **words: str) -> EmailRequest:
    template = {
        "usage_type": _REQUEST.usage_type.value,
        "subject": "{{code}} {{application.name}}",
        "content": "<p>{{application.name}} {{code}}</p>",
        **words,
    }
    custom_template = EmailTemplate.model_validate(template, by_name=True)
    return replace(_named(name), custom_template=custom_template)


def _to(recipient: str, verification_code: str = "428913") -> EmailRequest:
    return replace(_REQUEST, to=recipient, payload={**_REQUEST.payload, "code": verification_code})


def _known_keys(connector_class: type[_AnyConnector]) -> set[str]:
    fields = connector_class.config_model.model_fields
    return {field.alias or name for name, field in fields.items()}


def _refusal(connector: _AnyConnector, config: _Config) -> InvalidConfig:
    try:
        connector.config_model.parse(config)
    except InvalidConfig as error:
        return error
    raise AssertionError("a config with an unknown key was accepted")


async def _failure(connector: _AnyConnector, request: EmailRequest) -> ConnectorError:
    try:
        await connector.send(request)
    except ConnectorError as error:
        return error
    raise AssertionError(f"a mail to {request.to!r} was accepted")


def _secrets(config: object) -> Iterator[str]:
    """Find the values of wire keys that are named like secrets, at any depth."""
    if isinstance(config, list):
        for item in config:
            yield from _secrets(item)
    elif isinstance(config, Mapping):
        for key, value in config.items():
            if isinstance(value, str) and value and _SECRET_KEY.search(key):
                yield value
            yield from _secrets(value)


_network_calls: dict[int, list[str]] = {}


@contextmanager
def _watched_network() -> Iterator[list[str]]:
    """Collect what this thread asks of the network."""
    _install_network_watch()
    calls = _network_calls[get_ident()] = []
    try:
        yield calls
    finally:
        del _network_calls[get_ident()]


@cache
def _install_network_watch() -> None:
    """Install the one audit hook: Python has no way to remove it again."""

    def note(event: str, _: object) -> None:  # pragma: no cover (never traced by Python)
        if event.startswith("socket.") and (calls := _network_calls.get(get_ident())) is not None:
            calls.append(event)

    sys.addaudithook(note)
