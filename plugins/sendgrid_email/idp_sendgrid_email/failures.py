"""What SendGrid's negative answers mean (API reference, Mail Send, Errors)."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import NamedTuple

from idp.connector_kit import ConnectorError, InvalidConfig, Mask, PermanentFailure, ProviderReply
from idp.connector_kit.http import HttpAnswer, seconds_until
from idp_sendgrid_email.config import SendGridConfig


class ApiError(NamedTuple):
    """One of the `errors` of an answer; `field` is the part of the request it speaks of."""

    field: str
    message: str


def refusal(answer: HttpAnswer, config: SendGridConfig, mask: Mask) -> ConnectorError:
    """Return the failure that an answer other than 2xx stands for."""
    errors = list(_errors(answer))
    words = "; ".join(f"{error.field}: {error.message}".lstrip(": ") for error in errors)
    reply = answer.as_reply(mask(words or answer.body.decode(errors="replace")))
    postponed = answer.postponement(reply, retry_after=_until_reset(answer))
    if postponed is not None:
        return postponed
    match answer.status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return _refused_access(answer.status, errors, config, reply)
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            message = "SendGrid takes no mail of this size."
            return PermanentFailure(message, reason="message_too_large", reply=reply)
        case HTTPStatus.BAD_REQUEST | HTTPStatus.UNSUPPORTED_MEDIA_TYPE:
            return _bad_request(errors, reply)
    message = f"Something else than SendGrid's API answers there (HTTP {answer.status})"
    return _invalid("baseUrl", f"{message}: check baseUrl.", reply)


def _errors(answer: HttpAnswer) -> Iterator[ApiError]:
    errors = answer.json_object().get("errors")
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            yield ApiError(str(error.get("field") or ""), str(error.get("message") or ""))


def _until_reset(answer: HttpAnswer) -> float | None:
    """Read the second of the epoch at which SendGrid counts anew."""
    value = answer.headers.get("X-RateLimit-Reset", "")
    if not (value.isascii() and value.isdecimal() and len(value) <= 10):
        return None
    return seconds_until(datetime.fromtimestamp(int(value), UTC))


def _refused_access(
    status: int, errors: list[ApiError], config: SendGridConfig, reply: ProviderReply
) -> InvalidConfig:
    words = " ".join(error.message for error in errors).lower()
    if "sender identity" in words or any(error.field.startswith("from") for error in errors):
        message = (
            "SendGrid does not know this sender as verified: verify fromEmail or its domain under "
            "Settings > Sender Authentication."
        )
        return _invalid("fromEmail", message, reply)
    has_known_form = config.api_key.get_secret_value().startswith("SG.")
    return _invalid("apiKey", _advice_on_key(status, words, has_known_form=has_known_form), reply)


def _advice_on_key(status: int, words: str, *, has_known_form: bool) -> str:
    if "credits" in words:
        return "The mails of your SendGrid plan are used up: wait for the next period, or upgrade."
    if re.search(r"\bip\b", words):
        where = "Settings > IP Access Management"
        return f"SendGrid refuses the address of this machine: add it under {where}."
    if status == HTTPStatus.FORBIDDEN or "not authorized" in words:
        return (
            "SendGrid does not let this key send: give apiKey the permission Mail Send, and see "
            "that the account is not under review."
        )
    if not has_known_form:
        return "SendGrid refused apiKey: a key of SendGrid starts with SG."
    return (
        "SendGrid refused apiKey: it was deleted, is not complete, or belongs to another region "
        "than baseUrl."
    )


def _bad_request(errors: list[ApiError], reply: ProviderReply) -> ConnectorError:
    fields = [error.field for error in errors]
    if any(field.startswith("from") for field in fields):
        return _invalid("fromEmail", "SendGrid does not take this sender: check fromEmail.", reply)
    if any(field.startswith("reply_to") for field in fields):
        message = "SendGrid does not take this address for answers: check replyTo."
        return _invalid("replyTo", message, reply)
    if any("to" in field.split(".") for field in fields):
        message = "SendGrid refused the recipient."
        return PermanentFailure(message, reason="recipient_refused", reply=reply)
    message = "SendGrid refused the message."
    return PermanentFailure(message, reason="message_refused", reply=reply)


def _invalid(key: str, message: str, reply: ProviderReply) -> InvalidConfig:
    return InvalidConfig(message, problems={key: message}, reply=reply)
