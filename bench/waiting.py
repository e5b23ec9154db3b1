"""
`python -m bench.waiting`: how many executions a second finish, by the processes of the waiting side and by
whether they wait suspended or with their stream kept open.

Events go straight to Restate's ingress, all at once as far as it takes them, so that the waiting side is what
limits. The kinds take turns, in another order each round; the figures are medians of the rounds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import load
from bench.process import usage
from bench.waiter import awakeable_of
from stack.part import ROOT, Part, clean_environment
from stack.ports import free_ports
from stack.restate import Restate

_CONNECTIONS = 32
_PATIENCE = 60.0
#: By the handler: how its executions wait, and their status in Restate then.
_KINDS = {"suspend": ("suspended at once", "suspended"), "stay": ("stream kept open", "running")}


@dataclass(frozen=True, slots=True)
class Finished:
    """Executions a second from the first event to the last that has finished, and CPU in ms each."""

    per_second: float
    waiter_cpu_ms: float
    restate_cpu_ms: float


class Waiting:
    """A service of so many processes, and the executions that wait in it."""

    def __init__(self, directory: Path, workers: int) -> None:
        self.workers = workers
        self._name = f"Waiting{workers}"
        self._finished = directory / f"finished-{workers}"
        self._bind = f"127.0.0.1:{free_ports(1)[0]}"
        self.part = Part(
            name=self._name,
            command=[
                *(sys.executable, "-m", "bench.waiter", "--bind", self._bind, "--service", self._name),
                *("--finished", str(self._finished), "--workers", str(workers)),
            ],
            environment={},
            log=directory / f"{self._name}.log",
            ready=[f"http://{self._bind}/health"],
        )

    def start(self, restate: Restate) -> None:
        """Start and register it."""
        self.part.start()
        self.part.wait_ready()
        restate.register(f"http://{self._bind}")

    def measure(self, restate: Restate, handler: str, count: int) -> Finished:
        """Let so many executions wait, bring each its value, and wait until all have finished."""
        requests = [self._request(restate, handler) for _ in range(count)]
        question = (
            "SELECT count(*) AS n FROM sys_invocation WHERE "
            f"target_service_name = '{self._name}' AND status = '{_KINDS[handler][1]}'"
        )
        _wait_for(count, lambda: int(restate.query(question)[0]["n"]))
        assert self.part.pid
        assert restate.part.pid
        pids = (self.part.pid, restate.part.pid)
        before = [usage(pid).cpu for pid in pids]
        size = self._finished.stat().st_size
        host, _, port = restate.ingress_url.removeprefix("http://").partition(":")
        with tempfile.NamedTemporaryFile() as file:
            load.write(Path(file.name), requests)
            ran = subprocess.run(
                [sys.executable, "-m", "bench.load", file.name, host, port, str(_CONNECTIONS)],
                cwd=ROOT,
                env=clean_environment(),
                check=True,
                stdout=subprocess.PIPE,
            )
        _wait_for(count, lambda: self._finished.stat().st_size - size)
        took = self._finished.stat().st_mtime - json.loads(ran.stdout)["started_at"]
        spent = [(usage(pid).cpu - cpu) / count * 1000 for pid, cpu in zip(pids, before, strict=True)]
        return Finished(count / took, *spent)

    def _request(self, restate: Restate, handler: str) -> bytes:
        answer = restate.ingress.post(f"/restate/send/{self._name}/{handler}")
        answer.raise_for_status()
        awakeable = awakeable_of(answer.json()["invocationId"])
        head = f"POST /restate/awakeables/{awakeable}/resolve HTTP/1.1\r\nhost: restate\r\n"
        return f"{head}content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}".encode()


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m bench.waiting", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--executions", type=int, default=600, help="in each measurement")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    chosen = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="gateway-waiting-"))
    restate = Restate(directory, always_replay=False)
    services = [Waiting(directory, workers) for workers in chosen.workers]
    found: defaultdict[tuple[str, int], list[Finished]] = defaultdict(list)
    try:
        restate.start()
        restate.wait_ready()
        for service in services:
            service.start(restate)
        kinds = [(handler, service) for handler in _KINDS for service in services]
        for turn in range(chosen.rounds + 1):
            for handler, service in kinds[turn % len(kinds) :] + kinds[: turn % len(kinds)]:
                one = service.measure(restate, handler, chosen.executions)
                if turn:  # the first is to warm up
                    found[handler, service.workers].append(one)
    finally:
        for service in services:
            service.part.kill()
        restate.stop()
    print(table(found))


def table(found: Mapping[tuple[str, int], Sequence[Finished]]) -> str:
    """The medians, as Markdown."""
    lines = [
        "| the execution waits | processes | finished/s | of the first | CPU ms service | CPU ms Restate |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    first = 0.0
    for handler, workers in sorted(found, key=lambda kind: (kind[0] == "stay", kind[1])):
        measured = found[handler, workers]
        rate = median(one.per_second for one in measured)
        first = first or rate
        service = median(one.waiter_cpu_ms for one in measured)
        server = median(one.restate_cpu_ms for one in measured)
        lines.append(
            f"| {_KINDS[handler][0]} | {workers} | {rate:.0f} | {rate / first:.2f} "
            f"| {service:.2f} | {server:.2f} |"
        )
    return "\n".join(lines)


def _wait_for(count: int, look: Callable[[], int]) -> None:
    """Return once so many are there; more where Restate ran one again that was cut off at its end."""
    deadline = time.monotonic() + _PATIENCE
    while (found := look()) < count:
        assert time.monotonic() < deadline, f"{found} of {count} executions after {_PATIENCE:.0f} s"
        time.sleep(0.02)


if __name__ == "__main__":
    main()
