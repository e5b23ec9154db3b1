"""Free ports on loopback."""

from __future__ import annotations

import random
import socket

from stack.errors import StackError

# Below the ranges from which Linux (32768 up) and macOS (49152 up) take ports for outgoing
# connections: a part that is killed still finds its port free when it is started again.
_CANDIDATES = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Different TCP ports on 127.0.0.1 that nobody listens on."""
    ports: list[int] = []
    for port in random.sample(_CANDIDATES, len(_CANDIDATES)):
        if len(ports) == count:
            break
        if _is_free(port):
            ports.append(port)
    return ports


def free_row(count: int) -> range:
    """So many TCP ports in a row on 127.0.0.1 that nobody listens on."""
    for first in random.sample(_CANDIDATES[:-count], len(_CANDIDATES) - count):
        row = range(first, first + count)
        if all(map(_is_free, row)):
            return row
    raise StackError(f"no {count} ports in a row are free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
