"""
Several processes that serve on one address: resuming an execution is work, and an event loop has one core.

They share nothing. A connection of Restate's is one process's for as long as it is open; Restate opens more
as more executions run at a time, so that with few at a time one process may have most of them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait

#: What a worker gets to end by itself; it needs less.
_STOP_SECONDS = 9.0


def run(serve: Callable[[str], None], bind: str, count: int) -> int:
    """
    Call `serve` in so many processes, each with what hypercorn is to bind to, until SIGTERM or SIGINT.

    One that dies takes the others along: whoever started this starts it again, and what was cut off Restate
    resumes then, or elsewhere. The result is the exit code.
    """
    sockets = [_bound(bind) for _ in range(count)]
    # This process alone keeps the writing end: it closes with it, however it goes.
    parent, alive = os.pipe()

    def work(mine: socket.socket) -> None:
        os.close(alive)
        for one in sockets:
            if one is not mine:
                one.close()
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
        serve(f"fd://{mine.fileno()}")

    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=work, args=(one,)) for one in sockets]
    for worker in workers:
        worker.start()
    for one in sockets:
        one.close()
    asked = False

    def stop(*_: object) -> None:
        nonlocal asked
        asked = True
        for worker in workers:
            worker.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    wait([worker.sentinel for worker in workers])
    fell = not asked
    stop()
    deadline = time.monotonic() + _STOP_SECONDS
    for worker in workers:
        worker.join(max(deadline - time.monotonic(), 0))
        worker.kill()
        worker.join()
    return 1 if fell or any(worker.exitcode for worker in workers) else 0


def _bound(bind: str) -> socket.socket:
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # One socket each, between which the kernel deals connections out; of a shared one the first to wake takes
    # all that wait.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    bound.bind((host, int(port)))
    return bound


def _end_with(parent: int) -> None:
    """Once the parent is gone, end as at SIGTERM, and by force where that does not help."""
    os.read(parent, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_STOP_SECONDS)
    os._exit(1)
