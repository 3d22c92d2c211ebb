"""Every operation of the API, tried with values nobody thought of."""

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from running_demo import RunningDemo
from schemathesis.openapi import from_dict
from schemathesis.specs.openapi.checks import positive_data_acceptance

from idp.api import create_api

schema = from_dict(create_api().openapi())


@schema.parametrize()
@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_answers_as_it_is_described(
    case: schemathesis.Case[Any], demo: RunningDemo
) -> None:
    headers = {"Authorization": f"Bearer {demo.ready['api_token']}"}
    case.call_and_validate(
        base_url=f"{demo.ready['issuer']}/api",
        headers=headers,
        # A description cannot say which address is one, or which settings a connector takes.
        excluded_checks=[positive_data_acceptance],
    )
