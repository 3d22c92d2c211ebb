"""Listening sockets, opened before serving so that a taken port is one clear line."""

import socket

from idp.settings import SetupError


def listen(host: str, port: int, option: str) -> socket.socket:
    """Bind and listen; port 0 takes any free one.

    Raises SetupError naming `option`, with which another port can be chosen.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        message = f"Port {port} on {host} cannot be used ({reason}): choose another with {option}."
        raise SetupError(message) from error
    listener.setblocking(False)
    return listener


def port_of(listener: socket.socket) -> int:
    """Return the port a socket listens on."""
    port: int = listener.getsockname()[1]
    return port
