"""oidcc-basic-certification-test-plan."""

from tests.oidc.conformance.basic_modules import BasicModules


class TestBasicPlan(BasicModules):
    """Answers come in the query."""
