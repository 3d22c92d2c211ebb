"""A flow belongs to the browser that began it: all of its tabs, and no other browser."""

import pytest
from playwright.sync_api import Browser, Page, expect
from running_demo import RunningDemo
from tour import Tour

from idp.accounts.users import find_user

pytestmark = pytest.mark.browser


def test_a_second_tab_goes_on_where_the_first_one_is(page: Page, demo: RunningDemo) -> None:
    first = Tour(page, demo)
    first.give_address("/register")
    address = page.url
    second = Tour(page.context.new_page(), demo)
    second.email, second.mails = first.email, first.mails
    second.page.goto(address)
    second.type_code()
    expect(second.page).to_have_url(f"{demo.ready['issuer']}/account")
    page.goto(f"{demo.ready['issuer']}/account")
    expect(page.get_by_role("heading", name="Your account", exact=True)).to_be_visible()


def test_a_code_is_of_no_use_in_another_browser(
    page: Page, browser: Browser, demo: RunningDemo
) -> None:
    tour = Tour(page, demo)
    tour.give_address("/register")
    other = browser.new_context(locale="en-US").new_page()
    other.goto(page.url)
    expect(other.get_by_label("6-digit code")).to_have_count(0)
    expect(other.get_by_role("heading", level=1)).to_have_text("This page is no longer valid")
    tour.type_code()
    expect(page).to_have_url(f"{demo.ready['issuer']}/account")
    other.context.close()


def test_who_closes_the_browser_mid_way_leaves_no_account(
    browser: Browser, demo: RunningDemo
) -> None:
    context = browser.new_context()
    tour = Tour(context.new_page(), demo)
    tour.give_address("/register")
    assert tour.code()
    context.close()
    assert demo.write(lambda session: find_user(session, tour.email)) is None
