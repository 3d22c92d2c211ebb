"""Request parameters in the encoding of RFC 6749 Appendix B."""

from collections.abc import Iterable
from urllib.parse import parse_qsl

from authlib.oauth2.rfc6749 import OAuth2Payload
from starlette.requests import ClientDisconnect, Request


class Parameters(OAuth2Payload):
    """Parameters by name; one that is empty, repeated or holds a NUL counts as missing.

    RFC 6749 §3.1: "Parameters sent without a value MUST be treated as if they were omitted" and
    "parameters MUST NOT be included more than once". Only `resource` may come several times
    (RFC 8707 §2), and is kept as one text: no URI holds a space.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._datalist: dict[str, list[str]] = {}
        for name, value in pairs:
            if value and "\0" not in value:
                self._datalist.setdefault(name, []).append(value)
        self._data = {name: only for name, (only, *more) in self._datalist.items() if not more}
        if "resource" in self._datalist:
            self._data["resource"] = " ".join(self._datalist["resource"])

    @property
    def data(self) -> dict[str, str]:
        return self._data

    @property
    def datalist(self) -> dict[str, list[str]]:
        return self._datalist

    @property
    def are_repeated(self) -> bool:
        """Tell whether any parameter came more than once."""
        return len(self._data) < len(self._datalist)

    def get(self, name: str) -> str | None:
        return self._data.get(name)


def query_parameters(request: Request) -> Parameters:
    return Parameters(parse_qsl(request.scope["query_string"].decode(errors="replace")))


async def form_parameters(request: Request) -> Parameters:
    return Parameters(parse_qsl((await _body(request)).decode(errors="replace")))


async def _body(request: Request) -> bytes:
    # Forms come in one message; `request.body()` builds a stream to read it from.
    message = await request.receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await request.receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return body
