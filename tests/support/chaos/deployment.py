"""A deployment on either engine: its processes, its mail servers, its database."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from cryptography.fernet import Fernet
from mail_servers.daemon import free_ports
from postgresql import PostgreSQL

from chaos.processes import Program
from chaos.weather import Mood
from idp.connector_kit.shipped_templates import shipped_templates

_SUPPORT = Path(__file__).parents[1]
_PATIENCE = 120.0  # seconds until everything must have started, on a busy machine


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """Everything that runs, and the files that outlive it."""

    directory: Path
    database_url: str
    secret_key: str
    web: list[Program]
    workers: list[Program]
    promiser: Program
    mail_servers: list[Program]
    sites: list[str]
    restart_database: Callable[[], None] | None = None

    @property
    def asked(self) -> list[Path]:
        """Where the promises are written down: by the people and by the program."""
        return [self.directory / "people.jsonl", self.directory / "promiser.jsonl"]

    @property
    def taken(self) -> list[Path]:
        """Where the mail servers write down what they took."""
        return [self.directory / f"{each.name}.jsonl" for each in self.mail_servers]

    @property
    def programs(self) -> list[Program]:
        return [*self.web, *self.workers, self.promiser]

    def wait_until_at_work(self) -> None:
        """Wait until every site answers, and every worker says that it delivers."""
        for worker in self.workers:
            worker.wait_until_it_works()
        self.wait_for_pages()

    def wait_for_pages(self) -> None:
        """Wait until every site answers; what has ended by itself meanwhile is started again."""
        give_up_at = time.monotonic() + _PATIENCE
        for site in self.sites:
            while not _answers(site):
                for program in self.programs:
                    program.revive()
                if time.monotonic() > give_up_at:
                    raise RuntimeError(f"{site} does not answer; see {self.directory}")
                time.sleep(0.05)


@dataclass(frozen=True, kw_only=True)
class Site:
    """What is to be deployed, and where; with `postgresql` in several processes."""

    directory: Path
    seed: str
    database_url: str
    postgresql: PostgreSQL | None = None
    lives: tuple[float, float] = (2.0, 8.0)
    """Shortest and longest life of a mail the program promises, in seconds."""
    moods: tuple[Mood, Mood] = (Mood.STORMY, Mood.STORMY)
    """Of the two mail servers."""


@contextmanager
def deployed(site: Site) -> Iterator[Deployment]:
    """Set a deployment up, run it until the block ends, and kill what is left of it."""
    built = _Builder(site).build()
    everything = [*built.mail_servers, *built.programs]
    try:
        for program in everything:
            program.start()
        built.wait_for_pages()
        yield built
    finally:
        for program in everything:
            program.kill()


class _Builder:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._secret_key = Fernet.generate_key().decode()
        outside = {name: value for name, value in os.environ.items() if name[:4] != "IDP_"}
        self._environment = {
            **outside,
            "PYTHONPATH": os.pathsep.join([str(_SUPPORT), os.environ.get("PYTHONPATH", "")]),
            "IDP_DATABASE_URL": site.database_url,
            "IDP_SECRET_KEYS": self._secret_key,
            "IDP_VERIFICATION_CODE_MINUTES": "1",
        }

    def build(self) -> Deployment:
        *mail_ports, one, two = free_ports(4)
        server = self._site.postgresql
        self._program("upgrade", "idp", "db", "upgrade").run()
        for port in mail_ports:
            self._save_connector(port)
        web_ports = [one, two] if server else [one]
        return Deployment(
            directory=self._site.directory,
            database_url=self._site.database_url,
            secret_key=self._secret_key,
            web=[self._web(number, port) for number, port in enumerate(web_ports)],
            workers=[self._worker(number) for number in range(2 if server else 0)],
            promiser=self._promiser(),
            mail_servers=[
                self._mail_server(number, port) for number, port in enumerate(mail_ports)
            ],
            sites=[f"http://127.0.0.1:{port}" for port in web_ports],
            restart_database=server.restart if server else None,
        )

    def _program(self, name: str, *arguments: str, says: str = "") -> Program:
        log = self._site.directory / f"{name}.log"
        return Program(name, arguments, self._environment, log, says)

    def _web(self, number: int, port: int) -> Program:
        options = ["--no-worker"] if self._site.postgresql else []
        return self._program(f"web-{number}", "idp", "serve", "--port", str(port), *options)

    def _worker(self, number: int) -> Program:
        return self._program(f"worker-{number}", "idp", "worker", says="Delivering mails.")

    def _promiser(self) -> Program:
        file = str(self._site.directory / "promiser.jsonl")
        options = {"file": file, "seed": self._site.seed, "lives": self._site.lives}
        return self._program("promiser", "chaos.transactions", json.dumps(options))

    def _mail_server(self, number: int, port: int) -> Program:
        name = f"mail-server-{number}"
        options = {
            "port": port,
            "file": str(self._site.directory / f"{name}.jsonl"),
            "seed": f"{self._site.seed} {name}",
            "mood": self._site.moods[number],
        }
        return self._program(name, "chaos.mail_server", json.dumps(options))

    def _save_connector(self, port: int) -> None:
        templates = [template.model_dump(by_alias=True) for template in shipped_templates("en")]
        sender = {"fromEmail": "idp@example.test", "templates": templates}
        save = ("connectors", "set", "smtp", "--config", "-", "--append")
        config = json.dumps({"host": "127.0.0.1", "port": port, **sender})
        self._program("connectors", "idp", *save).run(config)


def _answers(site: str) -> bool:
    try:
        return httpx2.get(f"{site}/healthz").status_code == 200
    except httpx2.TransportError:
        return False
