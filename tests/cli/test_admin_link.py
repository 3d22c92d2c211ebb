"""`idp admin-link`: the link that makes the first administrator."""

from collections.abc import Callable
from typing import Any

import pytest

Idp = Callable[..., Any]


def test_a_link_of_its_own_is_printed_each_time(ready: Idp) -> None:
    first = ready("admin-link", "root@example.com")
    assert first.status == 0
    assert "/console/administrator/" in first.out
    assert ready("admin-link", "root@example.com").out != first.out


@pytest.mark.parametrize("address", ["nobody", "a@b@c"])
def test_what_is_no_address_is_refused(ready: Idp, address: str) -> None:
    ran = ready("admin-link", address)
    assert ran.status != 0
    assert "The address" in ran.err
    assert ran.out == ""


def test_a_link_that_works_no_time_is_refused(ready: Idp) -> None:
    assert ready("admin-link", "root@example.com", "--minutes", "0").status == 2
