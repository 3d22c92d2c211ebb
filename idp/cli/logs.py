"""Logs: readable on a terminal, JSON elsewhere, always on standard error."""

import logging
import sys

import structlog

_NO_SECRETS = {"reply_code", "enhanced_code"}
"""What a provider answers, by number (RFC 5321 §4.2, RFC 3463)."""

SECRET_WORDS = ("password", "secret", "code", "token", "cookie", "authorization", "email")


def configure_logs(*, quiet: bool = False) -> None:
    """Set logging up for a process; `quiet` leaves out what is not at least a warning."""
    is_terminal = sys.stderr.isatty()
    # The default traceback shows local variables, and with them codes and addresses.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer = console if is_terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            drop_secrets,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            *([] if is_terminal else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if quiet else logging.INFO
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    # Should somebody lower the level: at DEBUG authlib writes the tokens it issues.
    logging.getLogger("authlib").setLevel(logging.INFO)


def drop_secrets(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Leave out every field whose name says that its value is nobody's business."""
    for name in event.keys() - _NO_SECRETS:
        if any(word in name.lower() for word in SECRET_WORDS):
            event[name] = "***"
    return event
