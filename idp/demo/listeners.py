"""Sockets where browsers look for `localhost`."""

import errno
import socket

from idp.settings import SetupError
from idp.web.listening import listen, port_of


def listen_on_localhost(port: int, option: str) -> list[socket.socket]:
    """Listen on 127.0.0.1 and, where this machine has it, on the same port of ::1.

    Port 0 is any port free in both. Raises SetupError, naming `option`, when one is taken.
    """
    ipv4 = listen("127.0.0.1", port, option)
    try:
        return [ipv4, listen("::1", port_of(ipv4), option)]
    except SetupError as error:
        if not _is_taken(error):
            return [ipv4]
        ipv4.close()
        if port:
            raise
    return listen_on_localhost(0, option)


def _is_taken(error: SetupError) -> bool:
    return isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRINUSE
