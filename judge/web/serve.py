"""Serve the room: on the loopback, and beyond it only with TLS or at the user's plain word."""

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from judge.errors import ConfigError

if TYPE_CHECKING:
    from uvicorn import Server

    from judge.web.room import Room


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the room is served."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 for any free one."""
    certificate: Path | None = None
    key: Path | None = None
    insecure: bool = False
    """Whether the user accepts that others on the network can read along."""

    @property
    def tls(self) -> bool:
        """Whether the room speaks TLS."""
        return self.certificate is not None

    @property
    def names(self) -> frozenset[str]:
        """Names under which browsers may address the room."""
        own = {"127.0.0.1", "localhost", "[::1]"} if _is_loopback(self.host) else set[str]()
        return frozenset({*own, f"[{self.host}]" if ":" in self.host else self.host})

    def url(self, port: int) -> str:
        """Give the address for a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{port}"


def checked(address: Address) -> Address:
    """Refuse an address beyond this machine that has neither TLS nor the user's explicit word.

    Raises
    ------
    ConfigError
    """
    if (address.certificate is None) != (address.key is None):
        raise ConfigError("--tls-cert and --tls-key belong together; give both.")
    for path in (address.certificate, address.key):
        if path is not None and not path.is_file():
            raise ConfigError(f"{path}: no such file; name the PEM file.")
    if address.host in {"0.0.0.0", "::", ""}:  # noqa: S104 - refused, not bound
        raise ConfigError(
            f"--host {address.host!r} is no name for a browser; give the one it uses."
        )
    if not (_is_loopback(address.host) or address.tls or address.insecure):
        raise ConfigError(
            f"--host {address.host} is reachable by others: give --tls-cert and --tls-key, "
            "or say --insecure if the network itself is trusted."
        )
    return address


def bound(address: Address) -> socket.socket:
    """Take the port, so that links can be printed before anybody is served.

    Raises
    ------
    ConfigError
        If it cannot be had.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
        # From here on browsers wait in line instead of being turned away.
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"{address.host}:{address.port} cannot be used ({error.strerror}); "
            "choose another with --port."
        ) from error
    return listener


def room_server(room: "Room", address: Address) -> "Server":
    """Make the server of a room; run it with the socket from `bound`."""
    from uvicorn import Config, Server

    from judge.web.app import room_app

    return Server(
        Config(
            room_app(room),
            log_level="warning",
            access_log=False,
            server_header=False,
            ssl_certfile=address.certificate,
            ssl_keyfile=address.key,
            timeout_graceful_shutdown=5,
            # The forms are small; nothing here speaks WebSocket.
            ws="none",
        )
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
