"""Deployments of several processes, in directories whose files tell afterwards what happened."""

import secrets
from pathlib import Path

import pytest
from chaos.deployment import Site
from postgresql import PostgreSQL


@pytest.fixture
def seed() -> str:
    """Return a seed that pytest shows when the test fails."""
    return secrets.token_hex(4)


@pytest.fixture
def sqlite_site(tmp_path: Path, seed: str) -> Site:
    url = f"sqlite:///{tmp_path / 'chaos.db'}"
    return Site(directory=tmp_path, seed=seed, database_url=url)


@pytest.fixture
def postgresql_site(tmp_path: Path, seed: str, postgresql: PostgreSQL) -> Site:
    url = postgresql.url(postgresql.create())
    return Site(directory=tmp_path, seed=seed, database_url=url, postgresql=postgresql)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def site(request: pytest.FixtureRequest) -> Site:
    site: Site = request.getfixturevalue(f"{request.param}_site")
    return site
