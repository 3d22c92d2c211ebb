"""The `proxy` key, and the way through a SOCKS5 (RFC 1928) or HTTP proxy (RFC 9110 §9.3.6).

Both handshakes are read to the byte: a mail server speaks first, so what follows is its greeting.
"""

import asyncio
import errno
import re
import socket
from base64 import b64encode
from ipaddress import IPv4Address, ip_address
from typing import Annotated, NoReturn
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, SecretStr

from idp.connector_kit import InvalidConfig, ProviderReply, TransientFailure
from idp_smtp_email.dialing import LocalAddress, dial, look_up
from idp_smtp_email.fields import host_name

_LONGEST_HEAD = 16 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([ -~]*))?")
_NO_LOGIN, _LOGIN = 0, 2
_IPV4, _NAME, _IPV6 = 1, 3, 4
_SOCKS_REFUSALS = {2: "does not allow this connection", 8: "takes no address of this kind"}
_SOCKS_TROUBLES = {3: "network unreachable", 4: "host unreachable", 5: "connection refused"}


def _proxy_url(secret: SecretStr) -> SecretStr:
    try:
        url = urlsplit(secret.get_secret_value())
        is_whole = bool(host_name(url.hostname or "") and url.port)
    except ValueError:
        is_whole = False
    if (
        not is_whole
        or url.scheme not in {"socks5", "http"}
        or url.path.strip("/")
        or url.query
        or url.fragment
    ):
        message = "must be socks5://host:port or http://host:port, with user:password@ if needed"
        raise ValueError(message)
    if max(map(len, _login(url))) > 255:
        raise ValueError("must hold a user and a password of at most 255 bytes each")
    return secret


ProxyUrl = Annotated[SecretStr, AfterValidator(_proxy_url)]


async def connect(
    proxy: SecretStr, host: str, port: int, local: LocalAddress, seconds: float
) -> socket.socket:
    """Return a socket on which the mail server speaks next; the proxy resolves `host`.

    Raises InvalidConfig or TransientFailure.
    """
    url = urlsplit(proxy.get_secret_value())
    try:
        async with asyncio.timeout(seconds):
            return await _connect(url, host, port, local, seconds)
    except TimeoutError:
        raise _trouble("did not answer in time") from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise  # the fault of localAddress, not of the proxy
        if isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN:
            _refuse("cannot be found: check its name")
        raise _trouble("could not be reached or hung up") from None


async def _connect(
    url: SplitResult, host: str, port: int, local: LocalAddress, seconds: float
) -> socket.socket:
    addresses = await look_up(url.hostname or "", url.port or 0, local)
    connection = await dial(addresses, local, seconds)
    try:
        await (_socks5 if url.scheme == "socks5" else _http)(connection, url, host, port)
    except BaseException:
        connection.close()
        raise
    return connection


async def _socks5(connection: socket.socket, url: SplitResult, host: str, port: int) -> None:
    user, password = _login(url)
    methods = bytes([_NO_LOGIN, _LOGIN] if user else [_NO_LOGIN])
    await _send(connection, bytes([5, len(methods)]) + methods)
    version, method = await _read(connection, 2)
    if version != 5:
        _refuse("speaks no SOCKS5: check its kind and port")
    if method not in methods:
        _refuse("asks for a login: add user:password@ before its host")
    if method == _LOGIN:  # RFC 1929
        await _send(connection, b"\1" + _counted(user) + _counted(password))
        if (await _read(connection, 2))[1] != 0:
            _refuse("refused the login: check its user and password")
    await _send(connection, b"\5\1\0" + _socks_address(host) + port.to_bytes(2, "big"))
    _, answer, _, kind = await _read(connection, 4)
    if answer in _SOCKS_REFUSALS:
        _refuse(_SOCKS_REFUSALS[answer])
    if answer != 0:
        reason = _SOCKS_TROUBLES.get(answer, f"SOCKS reply {answer}")
        raise _trouble(f"could not reach the mail server ({reason})")
    size = (await _read(connection, 1))[0] if kind == _NAME else {_IPV4: 4, _IPV6: 16}.get(kind, 0)
    await _read(connection, size + 2)


def _socks_address(host: str) -> bytes:
    try:
        address = ip_address(host)
    except ValueError:
        return bytes([_NAME]) + _counted(host.encode("idna"))
    return bytes([_IPV4 if isinstance(address, IPv4Address) else _IPV6]) + address.packed


async def _http(connection: socket.socket, url: SplitResult, host: str, port: int) -> None:
    name = host.encode("idna").decode() if ":" not in host else f"[{host}]"
    lines = [f"CONNECT {name}:{port} HTTP/1.1", f"Host: {name}:{port}"]
    user, password = _login(url)
    if user:
        credentials = b64encode(user + b":" + password).decode()
        lines.append(f"Proxy-Authorization: Basic {credentials}")
    await _send(connection, "".join(f"{line}\r\n" for line in [*lines, ""]).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += await _read(connection, 1)
        if len(head) > _LONGEST_HEAD or not b"HTTP/".startswith(head[:5]):
            _refuse("speaks no HTTP: check its kind and port")
    _check_status(head.partition(b"\r\n")[0])


def _check_status(status_line: bytes) -> None:
    match = _STATUS_LINE.fullmatch(status_line)
    status = int(match[1]) if match else 0
    if status == 407:
        _refuse("asks for a login: check user:password@ before its host")
    if status // 100 == 5:
        raise _trouble(f"could not reach the mail server (HTTP status {status})")
    if status // 100 != 2:
        _refuse(f"does not allow this connection (HTTP status {status})")


def _login(url: SplitResult) -> tuple[bytes, bytes]:
    return unquote(url.username or "").encode(), unquote(url.password or "").encode()


def _counted(octets: bytes) -> bytes:
    return bytes([len(octets)]) + octets


async def _send(connection: socket.socket, octets: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(connection, octets)


async def _read(connection: socket.socket, count: int) -> bytes:
    octets = b""
    while len(octets) < count:
        received = await asyncio.get_running_loop().sock_recv(connection, count - len(octets))
        if not received:
            raise ConnectionResetError
        octets += received
    return octets


def _refuse(what: str) -> NoReturn:
    message = f"The proxy {what}."
    reply = ProviderReply(stage="connect")
    raise InvalidConfig(message, problems={"proxy": message}, reply=reply)


def _trouble(what: str) -> TransientFailure:
    return TransientFailure(f"The proxy {what}.", reply=ProviderReply(stage="connect"))
