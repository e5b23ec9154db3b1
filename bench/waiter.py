"""
The waiting side: `python -m bench.waiter --bind HOST:PORT --finished FILE --workers N --service NAME`.

Its handlers are `wait`, which suspends as Restate's own setting says, `suspend`, which does so at once, and
`stay`, which keeps its stream open for a minute. An execution makes one awakeable and waits for it. Each that
has finished adds one byte to a file, whichever process it finished in: the file's size is their number.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import signal
import sys
from datetime import timedelta
from typing import Any

import restate
from hypercorn.asyncio import serve
from hypercorn.config import Config
from restate import Context, Service

from services import workers

#: The first awakeable of an invocation is its signal 17.
FIRST_SIGNAL = 17


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


def _service(name: str) -> Service:
    service = Service(name)
    service.handler("wait")(wait)
    service.handler("suspend", inactivity_timeout=timedelta(0))(wait)
    service.handler("stay", inactivity_timeout=timedelta(minutes=1))(wait)
    return service


def _serve(bind: str, name: str) -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    config = Config.from_mapping(bind=[bind], graceful_timeout=0)
    asyncio.run(serve(restate.app([_service(name)]), config))


def main() -> None:
    """Serve with so many processes until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bind", required=True)
    parser.add_argument("--finished", required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--service", default="BenchWaiter")
    chosen = parser.parse_args()
    finished = os.open(chosen.finished, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.set_inheritable(finished, True)
    os.environ["FINISHED_FD"] = str(finished)
    if chosen.workers > 1:
        sys.exit(workers.run(lambda bind: _serve(bind, chosen.service), chosen.bind, chosen.workers))
    _serve(chosen.bind, chosen.service)


if __name__ == "__main__":
    main()
