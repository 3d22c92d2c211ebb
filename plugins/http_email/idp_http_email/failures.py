"""What an endpoint's negative answers mean (RFC 9110 §15; Standard Webhooks, "Delivery")."""

from http import HTTPStatus

from idp.connector_kit import ConnectorError, InvalidConfig, Mask, PermanentFailure
from idp.connector_kit.http import HttpAnswer


def refusal(answer: HttpAnswer, mask: Mask) -> ConnectorError:
    """Return the failure that an answer other than 2xx stands for."""
    reply = answer.as_reply(mask(answer.body.decode(errors="replace")))
    postponed = answer.postponement(reply)
    if postponed is not None:
        return postponed
    problem = _problem(answer.status)
    if problem is not None:
        key, message = problem
        return InvalidConfig(message, problems={key: message}, reply=reply)
    if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        message = "The endpoint takes no mail of this size."
        return PermanentFailure(message, reason="message_too_large", reply=reply)
    message = f"The endpoint refused the mail (HTTP {answer.status})."
    return PermanentFailure(message, reason="message_refused", reply=reply)


def _problem(status: int) -> tuple[str, str] | None:
    """Return the setting at fault, if it is one, and what to do about it."""
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            message = (
                f"The endpoint refused access (HTTP {status}): check authorization and secret."
            )
            return "authorization", message
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED | HTTPStatus.GONE:
            return "endpoint", f"Nothing takes mails there (HTTP {status}): check endpoint."
        case _ if 300 <= status < 400:
            message = (
                f"The endpoint redirects (HTTP {status}), and redirects are not followed: put the "
                "final address into endpoint."
            )
            return "endpoint", message
    return None
