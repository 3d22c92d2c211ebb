"""Plugins: what works is used, what is broken is reported and stops nobody else."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from scripted import ScriptedConnector, plugin_of
from structlog.testing import capture_logs

from idp import hookimpl
from idp.connector_kit import EmailConnector, UsageType
from idp.plugins import PluginReport, Plugins, load_plugins

Install = Callable[[str, str], None]
ASKED = {"usage_type": UsageType.SIGN_IN, "user": None, "application": None}


class First(ScriptedConnector, target="first"):
    pass


class Second(ScriptedConnector, target="second"):
    pass


class SameIdAsFirst(ScriptedConnector, target="first"):
    pass


class Misspelled:
    @hookimpl
    def idp_register_email_conectors(self) -> list[type[EmailConnector[Any]]]:
        return [Second]


class WrongSignature:
    @hookimpl
    def idp_email_attempted(self, attempt: object, mailbox: object) -> None:
        pass


class Raising:
    @hookimpl
    def idp_register_email_connectors(self) -> list[type[EmailConnector[Any]]]:
        raise RuntimeError("no license found")


class NoList:
    @hookimpl
    def idp_register_email_connectors(self) -> None:
        return None


class NoConnector:
    @hookimpl
    def idp_register_email_connectors(self) -> list[object]:
        return [object]


class Repeating:
    @hookimpl
    def idp_register_email_connectors(self) -> list[type[EmailConnector[Any]]]:
        return [Second, SameIdAsFirst]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution with one module, which is its plugin, as pip would."""
    monkeypatch.syspath_prepend(tmp_path)
    names: list[str] = []

    def installed(name: str, source: str) -> None:
        (tmp_path / f"{name}.py").write_text(source)
        information = tmp_path / f"{name}-1.2.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: idp-{name}\nVersion: 1.2\n"
        )
        (information / "entry_points.txt").write_text(f"[idp]\n{name} = {name}\n")
        names.append(name)

    yield installed
    for name in names:
        sys.modules.pop(name, None)


def report(plugins: Plugins, name: str) -> PluginReport:
    [found] = [report for report in plugins.reports if report.name == name]
    return found


def test_the_installed_smtp_plugin_is_found_by_its_entry_point() -> None:
    plugins = load_plugins()
    smtp = report(plugins, "smtp_email")
    assert smtp.distribution == "idp-smtp-email"
    assert smtp.version
    assert smtp.problem is None
    assert smtp.connectors == ("simple-mail-transfer-protocol",)
    assert plugins.connectors["simple-mail-transfer-protocol"].metadata.target == "smtp"


def test_a_connector_is_found_by_its_target_and_by_its_id() -> None:
    plugins = load_plugins()
    smtp = plugins.connectors["simple-mail-transfer-protocol"]
    assert plugins.by_target("smtp") is smtp
    assert plugins.by_target("simple-mail-transfer-protocol") is smtp
    assert plugins.by_target("pigeon") is None


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import a_module_nobody_has", "ModuleNotFoundError: No module named 'a_module_nobody_ha"),
        ("def broken(:", "SyntaxError: "),
        ("raise SystemExit('go away')", "SystemExit: go away"),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_reported_and_the_rest_load(
    install: Install, source: str, problem: str
) -> None:
    install("aaa_broken", source)
    plugins = load_plugins()
    broken = report(plugins, "aaa_broken")
    assert (broken.distribution, broken.version) == ("idp-aaa_broken", "1.2")
    assert broken.problem
    assert broken.problem.startswith(problem)
    assert report(plugins, "smtp_email").problem is None


def test_a_plugin_written_by_a_stranger_is_used(install: Install) -> None:
    install(
        "stranger",
        "from idp import hookimpl\n"
        "@hookimpl\n"
        "def idp_email_payload(usage_type):\n"
        "    return {'stranger': usage_type}\n",
    )
    plugins = load_plugins()
    assert report(plugins, "stranger").problem is None
    assert plugins.ask("idp_email_payload", **ASKED) == [{"stranger": "SignIn"}]


@pytest.mark.parametrize(
    ("plugin", "problem"),
    [
        (Misspelled, "unknown hook 'idp_register_email_conectors'"),
        (WrongSignature, "for hook 'idp_email_attempted' hookimpl definition: "),
        (Raising, "RuntimeError: no license found"),
        (NoList, "TypeError: 'NoneType' object is not iterable"),
        (NoConnector, "AttributeError: type object 'object' has no attribute 'metadata'"),
        (Repeating, "the connector id 'first' is already provided by"),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_reported_and_the_rest_load(
    plugin: type, problem: str
) -> None:
    class Last(ScriptedConnector, target="last"):
        pass

    plugins = load_plugins([plugin_of(First), plugin(), LastPlugin(Last)])
    reported = report(plugins, plugin.__name__).problem or ""
    assert problem in reported
    assert "\n" not in reported
    assert plugins.connectors["first"] is First
    assert plugins.connectors["last"] is Last


class LastPlugin:
    def __init__(self, connector: type[EmailConnector[Any]]) -> None:
        self.connector = connector

    @hookimpl
    def idp_register_email_connectors(self) -> list[type[EmailConnector[Any]]]:
        return [self.connector]


@pytest.mark.parametrize("plugin", [Misspelled, WrongSignature])
def test_no_hook_of_a_refused_plugin_is_called(plugin: type) -> None:
    plugins = load_plugins([plugin()])
    assert "second" not in plugins.connectors
    with capture_logs() as logs:
        assert plugins.ask("idp_email_attempted", attempt=None) == []
    assert logs == []


def test_two_plugins_of_the_same_name_are_reported() -> None:
    plugins = load_plugins([plugin_of(First), plugin_of(Second)])
    problems = [report.problem for report in plugins.reports if report.name == "Plugin"]
    assert problems[0] is None
    assert problems[1] == "ValueError: there is already a plugin named 'Plugin'"


class Greeting:
    @hookimpl
    def idp_email_payload(self, usage_type: UsageType) -> Mapping[str, object]:
        return {"greeting": usage_type.value}


class Silent:
    @hookimpl
    def idp_email_payload(self) -> None:
        return None


class Failing:
    @hookimpl
    def idp_email_payload(self, user: object) -> Mapping[str, object]:
        raise LookupError("directory is down")


def test_a_hook_that_raises_is_logged_and_the_others_still_answer() -> None:
    plugins = load_plugins([Failing(), Silent(), Greeting()])
    with capture_logs() as logs:
        assert plugins.ask("idp_email_payload", **ASKED) == [{"greeting": "SignIn"}]
    [entry] = logs
    assert (entry["plugin"], entry["hook"]) == ("Failing", "idp_email_payload")


def test_a_result_that_cannot_be_read_is_logged_and_left_out() -> None:
    def read(result: Mapping[str, object]) -> str:
        return str(result["name"])

    with capture_logs() as logs:
        assert load_plugins([Greeting()]).ask("idp_email_payload", read, **ASKED) == []
    assert [entry["plugin"] for entry in logs] == ["Greeting"]
