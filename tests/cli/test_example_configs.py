"""`idp connectors example-config`, for every connector that is installed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from idp.plugins import load_plugins

CONNECTORS = {each.metadata.target: each for each in load_plugins().connectors.values()}


def test_the_connectors_of_this_project_are_installed() -> None:
    assert set(CONNECTORS) >= {"http", "sendgrid", "smtp"}


@pytest.mark.parametrize("target", CONNECTORS)
def test_every_key_is_printed(idp: Callable[..., Any], target: str) -> None:
    printed = json.loads(idp("connectors", "example-config", target).out)
    assert printed == CONNECTORS[target].metadata.example_config
