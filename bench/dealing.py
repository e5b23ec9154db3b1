"""
`python -m bench.dealing`: how new connections are dealt out between two processes that listen on one port.

Either both have inherited one listening socket, and whoever wakes first takes all that wait; or each has one
of its own (SO_REUSEPORT), between which the kernel chooses by a hash. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
from collections import Counter
from statistics import median
from typing import cast

import uvloop

_PROCESSES = 2
#: Connections, and whether all are made at once.
_LOADS = ((200, True), (32, True), (8, True), (32, False))


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m bench.dealing", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    rounds: int = parser.parse_args().rounds
    print("| connections | socket | the busier one's share, median | worst |\n| --- | --- | --- | --- |")
    for connections, at_once in _LOADS:
        for shared in (True, False):
            shares = [_share(connections, at_once, shared) for _ in range(rounds)]
            how = "at once" if at_once else "one after the other"
            kind = "one, inherited" if shared else "one each (SO_REUSEPORT)"
            print(f"| {connections} {how} | {kind} | {median(shares):.2f} | {max(shares):.2f} |", flush=True)


def _share(connections: int, at_once: bool, shared: bool) -> float:
    """The share of the connections that the process has which has more of them."""
    first = _bound(0)
    port = first.getsockname()[1]
    sockets = [first] + [first if shared else _bound(port) for _ in range(_PROCESSES - 1)]
    # Before the processes are there, so that nobody is refused.
    for one in sockets:
        one.listen(2048)
    children = [_served(one, number, sockets) for number, one in enumerate(sockets)]
    for one in sockets:
        one.close()
    try:
        taken = uvloop.run(_connect(port, connections, at_once))
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return max(taken.values()) / connections


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _served(listening: socket.socket, number: int, sockets: list[socket.socket]) -> int:
    """The id of a process that says its number to whoever asks."""
    child = os.fork()
    if child:
        return child
    try:
        for one in sockets:
            if one is not listening:
                one.close()
        uvloop.run(_serve(listening, number))
    finally:
        os._exit(1)


async def _serve(listening: socket.socket, number: int) -> None:
    class Says(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            # uvloop's transports are no subclass of asyncio's.
            cast(asyncio.Transport, transport).write(bytes([number]))

    await asyncio.get_running_loop().create_server(Says, sock=listening, backlog=2048)
    await asyncio.Event().wait()


async def _connect(port: int, connections: int, at_once: bool) -> Counter[bytes]:
    """Who took how many."""

    async def one() -> tuple[bytes, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        return await reader.readexactly(1), writer

    async with asyncio.timeout(30):
        if at_once:
            made = await asyncio.gather(*(one() for _ in range(connections)))
        else:
            made = [await one() for _ in range(connections)]
    for _, writer in made:
        writer.close()
    return Counter(number for number, _ in made)


if __name__ == "__main__":
    main()
