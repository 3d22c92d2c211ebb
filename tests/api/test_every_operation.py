"""Every operation of the API, tried with values nobody thought of."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from running_demo import RunningDemo
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from idp.api import create_api

schema = from_dict(create_api().openapi())
# Web servers pass over query parameters they do not know, as this one does.
schema.config.generation.update(allow_extra_parameters=False)
schema.config.phases.coverage.unexpected_methods = {"TRACE"}


@pytest.fixture(scope="module")
def connection() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@schema.parametrize()
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_answers_as_it_is_described(
    case: schemathesis.Case[Any], demo: RunningDemo, connection: requests.Session
) -> None:
    headers = {"Authorization": f"Bearer {demo.ready['api_token']}"}
    case.call_and_validate(
        base_url=f"{demo.ready['issuer']}/api",
        headers=headers,
        session=connection,
        excluded_checks=_unfair(case),
    )


def _unfair(case: schemathesis.Case[Any]) -> list[Any]:
    """Return the checks that ask more of a description than it can say.

    It cannot say which address is one, or which settings a connector takes; and what is an object
    to the check is the same parameter, twice, in a query.
    """
    is_query = case.method == "GET"
    return [positive_data_acceptance, *([negative_data_rejection] if is_query else [])]
