"""
The waiting side: `python -m bench.waiter --bind HOST:PORT --finished FILE --workers N`.

An execution makes one awakeable and waits for it. Each that has finished adds one byte to a file, whichever
process it finished in: the file's size is their number.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import multiprocessing
import os
import signal
import socket
from typing import Any

import restate
from hypercorn.asyncio import serve
from hypercorn.config import Config
from restate import Context, Service

waiter = Service("BenchWaiter")
#: The first awakeable of an invocation is its signal 17.
FIRST_SIGNAL = 17


@waiter.handler()
async def wait(ctx: Context) -> None:
    """Wait for one callback."""
    _, event = ctx.awakeable(type_hint=dict[str, Any])
    await event
    os.write(int(os.environ["FINISHED_FD"]), b".")


def awakeable_of(invocation_id: str) -> str:
    """The id of an invocation's first awakeable; `gateway.invocations` has the way back."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

    def number(text: str) -> int:
        value = 0
        for character in text:
            value = value * 62 + digits.index(character)
        return value

    text = invocation_id.removeprefix("inv_1")
    return encoded(number(text[:11]).to_bytes(8, "little") + number(text[11:]).to_bytes(16, "little"))


def encoded(invocation: bytes) -> str:
    """The id of the first awakeable of an invocation by the 24 bytes of its id."""
    packed = invocation + FIRST_SIGNAL.to_bytes(4, "big")
    return "sign_1" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def _serve(listening: socket.socket) -> None:
    # Inherited: the workers share one listening socket, the kernel deals the connections out.
    config = Config.from_mapping(bind=[f"fd://{listening.fileno()}"], graceful_timeout=0)
    asyncio.run(serve(restate.app([waiter]), config))


def main() -> None:
    """Serve with so many processes until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bind", required=True)
    parser.add_argument("--finished", required=True)
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    finished = os.open(chosen.finished, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.set_inheritable(finished, True)
    os.environ["FINISHED_FD"] = str(finished)
    host, _, port = chosen.bind.partition(":")
    listening = socket.create_server((host, int(port)), backlog=1024)
    listening.set_inheritable(True)
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=_serve, args=(listening,)) for _ in range(chosen.workers - 1)]
    for worker in workers:
        worker.daemon = True
        worker.start()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    _serve(listening)


if __name__ == "__main__":
    main()
