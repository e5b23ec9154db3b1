"""Serve the services: `python -m services --bind 127.0.0.1:9080 --workers 2`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

import restate
from hypercorn.asyncio import serve
from hypercorn.config import Config
from restate.server import install_shutdown_hook

from services import workers
from services.app import SERVICES

#: What runs gets this long after SIGTERM. Restate resumes elsewhere what is cut off.
_GRACE_SECONDS = 5.0
#: An orchestrator's patience is 10 s or more; connections that are still open by then are dropped.
_STOP_SECONDS = 8.0


async def main(bind: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    # With the public keys of a Restate server, only that server may call: the services have no other lock.
    keys = os.environ.get("RESTATE_IDENTITY_KEYS", "").replace(",", " ").split()
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        # asyncio keeps one handler a signal, and the SDK's would take the place of hypercorn's.
        install_shutdown_hook(asyncio.get_running_loop(), stop.set, signum)
    config = Config.from_mapping(bind=[bind], graceful_timeout=_GRACE_SECONDS)
    app = restate.app(SERVICES, identity_keys=keys)
    serving = asyncio.ensure_future(serve(app, config, shutdown_trigger=stop.wait))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        await serving  # It cannot listen: says why.
    # While it ends, hypercorn fails over calls that still come in on an open connection; Restate makes
    # them again elsewhere, and asking to stop was no failure.
    await asyncio.gather(asyncio.wait_for(serving, _STOP_SECONDS), return_exceptions=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m services", description=__doc__)
    parser.add_argument("--bind", default="127.0.0.1:9080", help="HOST:PORT to listen on (%(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes, one a core (%(default)s)")
    chosen = parser.parse_args()
    if chosen.workers > 1:
        sys.exit(workers.run(lambda bind: asyncio.run(main(bind)), chosen.bind, chosen.workers))
    asyncio.run(main(chosen.bind))
