"""The sockets of the two listeners, bound before anything is served."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Self

from gateway.errors import ConfigurationError
from gateway.settings import Listen


def internal_addresses(listen: Listen) -> list[str]:
    """The internal listener of each worker: one port higher than that of the one before."""
    host, _, port = listen.internal.rpartition(":")
    return [f"{host}:{int(port) + number}" for number in range(listen.workers)]


@dataclass(frozen=True, slots=True)
class Sockets:
    """What a process listens on. Bound only: whoever connects is refused until it is served."""

    public: socket.socket
    internal: socket.socket

    @classmethod
    def bound(cls, listen: Listen, worker: int = 1) -> Self:
        """Those of a worker by its number, from 1; raises `ConfigurationError` where one can't be had."""
        public = bind("listen.public", listen.public, shared=listen.workers > 1)
        try:
            return cls(public, bind("listen.internal", internal_addresses(listen)[worker - 1]))
        except ConfigurationError:
            public.close()
            raise

    def close(self) -> None:
        """Let go of them."""
        self.public.close()
        self.internal.close()


def bind(setting: str, address: str, *, shared: bool = False) -> socket.socket:
    """
    A socket bound to an address; `shared`, to one that other sockets of this user's may be bound to as well.

    Linux deals new connections out between those that listen, by a hash of both ends' addresses. Of one
    socket that all had inherited, whoever wakes first takes all that wait: `python -m bench.dealing`.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        bound.bind((host, int(port)))
    except OSError as error:
        bound.close()
        raise ConfigurationError(
            f"{setting}: {address}: {error.strerror}; another address is needed, or the other program's end"
        ) from None
    return bound
