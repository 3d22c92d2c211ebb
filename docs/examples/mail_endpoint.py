"""An endpoint for the HTTP connector: checks the signature, words the mail and sends it."""

import os

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

webhook = Webhook(os.environ["MAIL_ENDPOINT_SECRET"])
done: set[str] = set()  # in a database, if there is more than one process


async def take(request: Request) -> Response:
    try:
        mail = webhook.verify(await request.body(), dict(request.headers))
    except WebhookVerificationError:
        return Response("not signed with our secret", status_code=401)
    if request.headers["webhook-id"] not in done:
        send(mail["to"], mail["type"], mail["payload"])
        done.add(request.headers["webhook-id"])
    return Response(status_code=204)


def send(to: str, usage_type: str, payload: dict[str, object]) -> None:
    """Put your own way of sending here; an exception becomes a 500, and the mail comes again."""
    print(f"{usage_type} to {to}: {payload.get('code') or payload.get('link')}")


app = Starlette(routes=[Route("/mails", take, methods=["POST"])])
