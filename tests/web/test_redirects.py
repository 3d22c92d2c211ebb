"""Nobody is sent away to another site by an address they were given."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from idp.web.redirects import local_address

HERE = "https://id.example.com"

# The pieces with which redirects are forged, in any order and number.
PIECES = ["/", "\\", "//", "@", ":", ".", "?", "#", "%2f", "%5c", "\t", "\n", "\r", "\0", " "]
PIECES += ["evil.example", "https", "javascript", "data", "id.example.com", "account", "é", "。"]


@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.text(max_size=40)))
@example("//evil.example")
@example("/\\evil.example")
@example("/\t/evil.example")
@example("https://id.example.com@evil.example/")
@example("/%09/evil.example")
@example("///evil.example")
@example("javascript:alert(1)")
def test_whatever_is_asked_for_leads_to_a_page_here(asked: str) -> None:
    address = local_address(asked)
    as_browsers_read = address.replace("\\", "/").translate({9: None, 10: None, 13: None}).strip()
    assert urlsplit(urljoin(HERE, as_browsers_read)).netloc == "id.example.com"
    assert address.isascii()
    assert address.isprintable()


@pytest.mark.parametrize("page", ["/account", "/sign-in?interaction=x&login_hint=a%40b.test", "/"])
def test_a_page_here_is_kept_with_its_query(page: str) -> None:
    assert local_address(page) == page
    assert local_address(page + "#main") == page


@pytest.mark.parametrize("asked", ["", "account", "https://id.example.com/account", "//", "/a b"])
def test_what_is_no_plain_path_leads_to_the_account(asked: str) -> None:
    assert local_address(asked) == "/account"
