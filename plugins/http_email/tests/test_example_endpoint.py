"""The endpoint that the documentation shows, in a server of its own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from idp.connector_kit import InvalidConfig

Start = Callable[..., Any]
DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture
async def endpoint(secret: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    arguments = ["-m", "uvicorn", "--app-dir", str(DOCS / "examples"), "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments, "--no-access-log", "mail_endpoint:app"),
        env={**os.environ, "MAIL_ENDPOINT_SECRET": secret, "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    while b"running on" not in (line := await asyncio.wait_for(process.stderr.readline(), 20)):
        assert line, "the example does not start"
    try:
        yield process, int(line.decode().partition("127.0.0.1:")[2].split()[0])
    finally:
        process.terminate()
        await process.communicate()


async def test_the_example_takes_a_mail_once(
    endpoint: tuple[asyncio.subprocess.Process, int], connect: Start, request_for: Start
) -> None:
    process, port = endpoint
    connector = connect(port)
    for key in ("one", "one", "two"):
        receipt = await connector.send(request_for(idempotency_key=key, payload={"code": key}))
        assert receipt.reply == "HTTP 204"
    assert process.stdout
    lines = [await asyncio.wait_for(process.stdout.readline(), 5) for _ in range(2)]
    assert lines == [
        b"SignIn to reader@example.test: one\n",
        b"SignIn to reader@example.test: two\n",
    ]


async def test_the_example_refuses_another_secret(
    endpoint: tuple[asyncio.subprocess.Process, int], connect: Start, request_for: Start
) -> None:
    _, port = endpoint
    with pytest.raises(InvalidConfig, match="check authorization and secret"):
        await connect(port, secret=f"whsec_{'a' * 40}").send(request_for())


def test_the_page_shows_the_example_that_is_tested() -> None:
    example = (DOCS / "examples" / "mail_endpoint.py").read_text()
    assert f"```python\n{example}```" in (DOCS / "configure-http.md").read_text()
