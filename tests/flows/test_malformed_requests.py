"""Whatever is sent to whatever address: never an error of ours, never a stack trace."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_from_bytes, unquote, urljoin, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from people import ISSUER, Person, Site
from starlette.routing import Route

EMAIL = "vera@example.test"
NAMES = [
    "interaction",
    "login_hint",
    "ui_locales",
    "notice",
    "flow",
    "sent",
    "email",
    "locale",
    "next",
    "verification_code",
    "code",
    "password",
    "new_password",
    "current_password",
    "client_id",
    "client_secret",
    "grant_type",
    "redirect_uri",
    "scope",
    "response_type",
    "state",
    "nonce",
    "prompt",
    "max_age",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "refresh_token",
    "id_token_hint",
    "post_logout_redirect_uri",
    "confirmation",
    "token",
    "name",
    "session",
    "remember",
]
NASTY = [
    *(b"", b"\0", b"a\0b@example.test", EMAIL.encode(), b"428913", b"\xff\xfe", b"\xed\xa0\x80"),
    *("vér\u202ea@例え.テスト".encode(), "٤٢٨٩١٣".encode(), b"%00", b"%", b"-1", b"9" * 400),
    *(b"A" * 70_000, b"'; drop table flow --", b"{{7*7}}", b"<script>", b"../../etc/passwd"),
    *(b"en-" * 3000, b"openid", b"code", b"authorization_code", b"refresh_token", b"x" * 43),
    *(b"S256", b"https://[", b"http://a:b/", b"pt-BR"),
    *(b"//evil.example", b"/\\evil.example", b"https://evil.example", b"/\t/evil.example"),
]
CONTENT_TYPES = [
    *(b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x", b"text/plain"),
    *(b"multipart/form-data", b"multipart/form-data; boundary=\xff", b"application/json", b"/"),
    *(b"application/x-www-form-urlencoded; charset=nonsense", b"", b"; boundary"),
]
HEADERS = (
    b"host origin sec-fetch-site accept-language authorization user-agent cookie content-length "
    b"range if-none-match x-forwarded-for accept"
).split()
HEADER_VALUES = [
    *(b"[", b"a:b:c", b"http://[", b"null", b"cross-site", b"same-origin", b"Basic", b"Basic \xff"),
    *(b"Basic Og==", b"Basic AAAA", b"Bearer ", b"Bearer " + b"." * 99, b"bytes=9-1", b";;==;"),
    *(b'idp_browser="\\000"', b'idp_session="\\377\\000"; idp_locale=\xff', b"idp_device=\xe9"),
    *(b"de;q=1e999", b"-", b"70000", b"'", b"\xf0\x9f\x98\x80", b"en-" * 3000),
]

values = st.sampled_from(NASTY) | st.binary(max_size=30)
pairs = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=5)
headers = st.lists(st.tuples(st.sampled_from(HEADERS), st.sampled_from(HEADER_VALUES)), max_size=3)


def encoded(fields: list[tuple[str, bytes]]) -> bytes:
    return "&".join(f"{name}={quote_from_bytes(value)}" for name, value in fields).encode()


def multipart(fields: list[tuple[str, bytes]]) -> bytes:
    part = b'--x\r\nContent-Disposition: form-data; name="%s"; filename="f"\r\n\r\n%s\r\n'
    return b"".join(part % (name.encode(), value) for name, value in fields) + b"--x--\r\n"


def site_of(location: bytes) -> str:
    """Return the host a browser goes to (WHATWG URL §4.4)."""
    address = location.decode("latin-1").replace("\\", "/").translate({9: None, 10: None, 13: None})
    return urlsplit(urljoin(ISSUER, address.strip())).netloc


bodies = pairs.map(encoded) | pairs.map(multipart) | values


class Sender:
    """Sends what no browser would, as the server hands it to the application."""

    def __init__(self, site: Site, person: Person) -> None:
        self.site = site
        self.cookies = "; ".join(f"{k}={v}" for k, v in person.client.cookies.items()).encode()
        self.flow = re.search("/([^/]+)/code", person.page.url.path)[1]  # type: ignore[index]
        routes = [r for r in site.client.app.routes if isinstance(r, Route)]  # type: ignore[attr-defined]
        self.targets = sorted((r.path, m) for r in routes for m in r.methods or ())

    def send(self, method: str, path: str, **sent: Any) -> tuple[int, dict[bytes, bytes], bytes]:
        """Return the status, the headers and the body of the answer; an error goes through."""
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": sent["query"],
            "headers": [(b"host", b"localhost:8000"), *sent["headers"]],
            "client": ("203.0.113.9", 4711),
            "server": ("127.0.0.1", 8000),
        }
        portal = self.site.client.portal
        assert portal
        answer: tuple[int, dict[bytes, bytes], bytes] = portal.call(
            self._exchange, scope, sent["body"]
        )
        return answer

    async def _exchange(
        self, scope: dict[str, Any], body: bytes
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        incoming = [{"type": "http.request", "body": body, "more_body": False}]
        answer: list[Any] = []

        async def receive() -> Any:
            return incoming.pop() if incoming else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            answer.append(message)

        await self.site.client.app(scope, receive, send)
        start, *rest = answer
        return start["status"], dict(start["headers"]), b"".join(m.get("body", b"") for m in rest)


@pytest.fixture(params=["sqlite_url", "postgresql_url"])
def sender(make_site: Callable[..., Site], request: pytest.FixtureRequest) -> Sender:
    """Return a sender who is signed in, and in another flow waits for a code."""
    site = make_site(database_url=request.getfixturevalue(request.param))
    person = site.person()
    person.open("/register")
    person.fill(email=EMAIL)
    person.fill(verification_code=person.verification_code(EMAIL))
    person.open("/sign-in")
    person.fill(email="new@example.test")
    return Sender(site, person)


@pytest.mark.postgresql
@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_address_answers_what_it_cannot_read_with_a_refusal(
    sender: Sender, data: st.DataObject
) -> None:
    template, method = data.draw(st.sampled_from(sender.targets))
    part = data.draw(st.just(sender.flow) | values.map(quote_from_bytes))
    path = re.sub("{.+?}", lambda _: part, template)
    own = [(b"cookie", sender.cookies)] if data.draw(st.booleans()) else []
    form = [(b"content-type", data.draw(st.sampled_from(CONTENT_TYPES)))]
    status, sent_headers, page = sender.send(
        data.draw(st.sampled_from([method, "HEAD", "PUT", "OPTIONS", "NONSENSE"])),
        path,
        query=encoded(data.draw(pairs)),
        headers=own + form + data.draw(headers),
        body=data.draw(bodies),
    )
    assert status < 500
    assert b"Traceback" not in page
    assert b"content-security-policy" in sent_headers
    assert site_of(sent_headers.get(b"location", b"/")) == "localhost:8000"
