"""Nobody can tell from the page after "send code" how the mail server is doing."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from chaos.records import Taken, read
from chaos.weather import Mood
from mail_servers.daemon import free_ports, running, wait_until
from people import Person, Site
from sqlmodel import Session, col, func, select

from idp.connector_kit.shipped_templates import shipped_templates
from idp.connectors import delete_connector, list_connectors, save_connector
from idp.storage.tables import Message
from idp.verification import Limits

SUPPORT = Path(__file__).parents[1] / "support"
MOODS = (Mood.GOOD, Mood.SILENT, Mood.REFUSING)


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """Return a server whose pages count no seconds down."""
    return make_site(limits=Limits.lifted())


@pytest.fixture
def ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """Run a mail server in each mood; nobody listens on the port called `down`."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SUPPORT), *sys.path]))
    *listened, down = free_ports(len(MOODS) + 1)
    with ExitStack() as stack:
        for mood, port in zip(MOODS, listened, strict=True):
            options = {"port": port, "file": str(tmp_path / mood), "seed": "", "mood": mood}
            command = [sys.executable, "-m", "chaos.mail_server", json.dumps(options)]
            stack.enter_context(running(command, tmp_path, [port]))
        yield {**dict(zip(MOODS, listened, strict=True)), "down": down}


def send_through(site: Site, port: int) -> None:
    """Have mails go to a mail server on this port, and to no other."""
    for instance in site.work(list_connectors):
        site.work(delete_connector, instance.id)
    connector = site.server.plugins.by_target("smtp")
    templates = [template.model_dump(by_alias=True) for template in shipped_templates("en")]
    config = {"host": "127.0.0.1", "port": port, "fromEmail": "idp@example.test"}
    site.work(save_connector, site.server.secrets, connector, {**config, "templates": templates})


def wait_for_claims(site: Site, count: int) -> None:
    """Wait until somebody has set out to send so many mails."""
    claimed = select(func.count()).where(col(Message.attempts) > 0)

    def count_claimed(session: Session) -> int:
        return session.exec(claimed).one()

    wait_until(lambda: site.work(count_claimed) == count, f"{count} mails were not all claimed")


def page_after_send_code(person: Person, email: str) -> tuple[int, str]:
    """Return status and body, without what is another one for everybody."""
    person.open("/register")
    page = person.fill(email=email)
    flow = page.url.path.split("/")[2]
    return page.status_code, page.text.replace(flow, "FLOW").replace(email, "EMAIL")


def test_the_page_is_the_same_whether_mails_go_out_or_not(
    site: Site, ports: dict[str, int], tmp_path: Path
) -> None:
    pages = []
    for sent, (mood, port) in enumerate(ports.items(), start=1):
        send_through(site, port)
        pages.append(page_after_send_code(site.person(), f"{mood}@example.test"))
        wait_for_claims(site, sent)
    assert pages == [pages[0]] * 4
    assert pages[0][0] == 200
    wait_until(lambda: read(tmp_path / Mood.GOOD, Taken) != [], "no mail arrived")
    assert [each.recipient for each in read(tmp_path / Mood.GOOD, Taken)] == ["good@example.test"]
