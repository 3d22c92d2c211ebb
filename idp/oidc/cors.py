"""Scripts of other origins: which protocol endpoints they may call (Fetch Standard §3.2)."""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALLOWED = [
    # Nobody's cookies count at these endpoints, so the answer is the same for every origin.
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"WWW-Authenticate"),
]


class OpenToScripts:
    """Lets scripts of any origin call an endpoint, without credentials of the browser's."""

    def __init__(self, app: ASGIApp, methods: tuple[str, ...]) -> None:
        self._app = app
        self._preflight = CORSMiddleware(
            app, allow_origins=["*"], allow_methods=methods, allow_headers=["Authorization", "DPoP"]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await self._preflight(scope, receive, send)
            return

        async def send_allowed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *ALLOWED]
            await send(message)

        await self._app(scope, receive, send_allowed)
