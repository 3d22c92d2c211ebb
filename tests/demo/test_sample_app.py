"""What the sample app shows before anybody has signed in."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from idp.demo.sample_app import create_sample_app


@pytest.fixture
async def browser() -> AsyncIterator[httpx2.AsyncClient]:
    app = create_sample_app("http://localhost:8000", "sample-app", "secret")
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:9000") as client:
        yield client


async def test_it_offers_to_sign_in_and_to_create_an_account(browser: httpx2.AsyncClient) -> None:
    page = await browser.get("/")
    assert '<form action="/login"><button>Sign in</button>' in page.text
    assert '<a href="/register">Create account</a>' in page.text


async def test_its_page_allows_nothing_inline(browser: httpx2.AsyncClient) -> None:
    page = await browser.get("/")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    assert "<style" not in page.text
    assert "<script" not in page.text


async def test_it_shows_why_signing_in_did_not_work(browser: httpx2.AsyncClient) -> None:
    page = await browser.get("/callback", params={"error": "access_denied"})
    assert "Signing in did not work: access_denied" in page.text


async def test_an_answer_nobody_asked_for_signs_nobody_in(browser: httpx2.AsyncClient) -> None:
    page = await browser.get("/callback", params={"code": "x", "state": "forged"})
    assert "Signing in did not work" in page.text
    assert "Sign in</button>" in (await browser.get("/")).text
