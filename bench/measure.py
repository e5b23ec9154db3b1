"""One measurement: so many suspended executions, one event each, sent with so many connections."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import load, stripe
from bench.process import usage
from bench.waiter import awakeable_of
from bench.ways import Way, request
from stack.part import ROOT, Part, clean_environment
from stack.ports import free_ports
from stack.restate import Restate

_PATIENCE = 120.0
#: What is written after the answers counts as well.
_AFTERWARDS = 0.3


@dataclass(frozen=True, slots=True)
class Measured:
    """
    Callbacks a second from the first to the last answer, executions a second from the first event to the last
    that has finished, latencies in ms, CPU in ms a callback, peaks in MB.
    """

    callbacks_per_second: float
    finished_per_second: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    between_cpu_ms: float
    restate_cpu_ms: float
    waiter_cpu_ms: float
    load_cpu_ms: float
    #: The share of one core that the load generator was busy for.
    load_share: float
    between_peak_mb: float
    #: Requests that were answered 503 and sent again.
    repeated: float


@dataclass(frozen=True, slots=True)
class Sent:
    """What a load met: latencies in seconds, in order, and the CPU in ms a callback that it cost."""

    started_at: float
    wall: float
    seconds: list[float]
    between_cpu_ms: float
    load_cpu_ms: float
    repeated: int


def sent(
    way: Way,
    paths: Sequence[str],
    bodies: Sequence[bytes],
    connections: int,
    secret: str = stripe.SECRET,
    status: int | None = None,
) -> Sent:
    """Bring each path its event; `AssertionError` where an answer is not `status`, or no acknowledgement."""
    host, _, port = way.address.partition(":")
    count = len(bodies)
    with tempfile.NamedTemporaryFile() as file:
        load.write(Path(file.name), [request(way, *one, secret) for one in zip(paths, bodies, strict=True)])
        pid = way.part.pid if way.part else None
        before = usage(pid).cpu if pid else 0.0
        ran = subprocess.run(
            [sys.executable, "-m", "bench.load", file.name, host, port, str(connections)],
            cwd=ROOT,
            env=clean_environment(),
            check=True,
            stdout=subprocess.PIPE,
        )
    time.sleep(_AFTERWARDS)
    spent = usage(pid).cpu - before if pid else 0.0
    found = json.loads(ran.stdout)
    wanted = ("200", "202") if status is None else (str(status),)
    assert sum(found["statuses"].get(one, 0) for one in wanted) == count, found["statuses"]
    return Sent(
        started_at=found["started_at"],
        wall=found["wall"],
        seconds=sorted(found["seconds"]),
        between_cpu_ms=spent / count * 1000,
        load_cpu_ms=found["cpu"] / count * 1000,
        repeated=found["statuses"].get("503", 0),
    )


class World:
    """A Restate server and the executions that wait on it."""

    def __init__(self, directory: Path, *, waiters: int = 1, suspend: bool = True) -> None:
        self.directory = directory
        self.restate = Restate(directory / "restate", always_replay=suspend)
        self._finished = directory / "finished"
        self._bind = f"127.0.0.1:{free_ports(1)[0]}"
        self.waiter = Part(
            name="waiter",
            command=[
                *(sys.executable, "-m", "bench.waiter", "--bind", self._bind),
                *("--finished", str(self._finished), "--workers", str(waiters)),
            ],
            environment={},
            log=directory / "waiter.log",
            ready=[f"http://{self._bind}/health"],
        )
        self._suspend = suspend

    def start(self) -> None:
        """Start both."""
        self.restate.start()
        self.waiter.start()
        self.restate.wait_ready()
        self.waiter.wait_ready()
        self.restate.register(f"http://{self._bind}")

    def stop(self) -> None:
        """End both."""
        self.waiter.kill()
        self.restate.stop()

    def suspended(self, count: int) -> list[str]:
        """So many executions that wait, by the ids of their awakeables."""
        found = []
        for _ in range(count):
            answer = self.restate.ingress.post("/restate/send/BenchWaiter/wait")
            answer.raise_for_status()
            found.append(awakeable_of(answer.json()["invocationId"]))
        status = "suspended" if self._suspend else "running"
        question = f"SELECT count(*) AS n FROM sys_invocation WHERE status = '{status}'"
        self._wait(lambda: self.restate.query(question)[0]["n"] == count)
        return found

    def measure(self, way: Way, count: int, connections: int, size: int = 1500) -> Measured:
        """Let so many executions wait, bring each its event, and wait until all have finished."""
        paths = way.paths(self.suspended(count))
        bodies = [stripe.event(one, size) for one in stripe.new_ids(count)]
        before = self._finished.stat().st_size
        pids = [part.pid for part in (self.restate.part, self.waiter) if part.pid]
        usages = [usage(pid).cpu for pid in pids]
        one = sent(way, paths, bodies, connections)
        self._wait(lambda: self._finished.stat().st_size - before >= count)
        took = self._finished.stat().st_mtime - one.started_at
        restate, waiter = (usage(pid).cpu - cpu for pid, cpu in zip(pids, usages, strict=True))
        return Measured(
            callbacks_per_second=count / one.wall,
            finished_per_second=count / took,
            p50_ms=median(one.seconds) * 1000,
            p99_ms=one.seconds[int(0.99 * (count - 1))] * 1000,
            p999_ms=one.seconds[int(0.999 * (count - 1))] * 1000,
            between_cpu_ms=one.between_cpu_ms,
            restate_cpu_ms=restate / count * 1000,
            waiter_cpu_ms=waiter / count * 1000,
            load_cpu_ms=one.load_cpu_ms,
            load_share=one.load_cpu_ms * count / 1000 / one.wall,
            between_peak_mb=usage(way.part.pid).peak / 1e6 if way.part and way.part.pid else 0.0,
            repeated=one.repeated,
        )

    def _wait(self, until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not until():
            assert time.monotonic() < deadline, "the executions do not get there"
            time.sleep(0.02)
