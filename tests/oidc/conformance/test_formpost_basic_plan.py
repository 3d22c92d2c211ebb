"""oidcc-formpost-basic-certification-test-plan."""

from typing import ClassVar

from tests.oidc.conformance.basic_modules import BasicModules


class TestFormPostBasicPlan(BasicModules):
    """The modules of the Basic plan, with answers that come as a form."""

    response_mode: ClassVar[str | None] = "form_post"
