"""A browser as small as it can be: the measurement is about the server, on the same two cores."""

import asyncio
import re
from urllib.parse import urlencode, urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_COOKIE = re.compile(rb"\r\nset-cookie: ([^=]+)=([^;\r]*)", re.IGNORECASE)
_LOCATION = re.compile(rb"\r\nlocation: ([^\r]*)", re.IGNORECASE)


class Answer:
    """What came back."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.status_code = int(head[9:12])
        self.body = body
        location = _LOCATION.search(head)
        self.location = location[1].decode() if location else ""
        self.cookies = {name.decode(): value.decode() for name, value in _COOKIE.findall(head)}


class Browser:
    """One person's browser: a kept connection and cookies."""

    def __init__(self, issuer: str, ip: str) -> None:
        url = urlsplit(issuer)
        self._host, self._port = url.hostname, url.port
        self._always = f"Host: {url.netloc}\r\nOrigin: {issuer}\r\nX-Forwarded-For: {ip}\r\n"
        self._cookies: dict[str, str] = {}

    async def __aenter__(self) -> "Browser":
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def get(self, address: str) -> Answer:
        return await self._ask("GET", address, "")

    async def post(self, address: str, headers: str = "", **form: str) -> Answer:
        return await self._ask("POST", address, urlencode(form), headers)

    async def _ask(self, method: str, address: str, body: str, headers: str = "") -> Answer:
        url = urlsplit(address)
        target = f"{url.path}?{url.query}" if url.query else url.path
        if self._cookies:
            pairs = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
            headers += f"Cookie: {pairs}\r\n"
        if method == "POST":
            headers += (
                "Content-Type: application/x-www-form-urlencoded\r\n"
                f"Content-Length: {len(body)}\r\n"
            )
        self._writer.write(
            f"{method} {target} HTTP/1.1\r\n{self._always}{headers}\r\n{body}".encode()
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        answer = Answer(head, await self._reader.readexactly(int(length[1])) if length else b"")
        self._cookies |= answer.cookies
        return answer
