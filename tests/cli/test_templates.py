"""`idp templates`: the wording of mails."""

from collections.abc import Callable
from typing import Any

Idp = Callable[..., Any]


def test_the_shipped_templates_can_be_made_ones_own(ready: Idp) -> None:
    ran = ready("templates", "load-shipped", "en", "de")
    assert (ran.status, ran.out) == (0, "Saved the shipped templates for en, de.\n")
    assert ready("templates", "load-shipped").out.startswith("Saved the shipped templates for ")


def test_a_language_nobody_wrote_for_is_named_with_those_there_are(ready: Idp) -> None:
    ran = ready("templates", "load-shipped", "xx")
    assert ran.status == 2
    assert ran.err.startswith("idp: No templates are shipped for xx; there are ")
