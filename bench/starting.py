"""
`python -m bench.starting`: how long `gateway serve` takes until its public /livez answers 200.

With a Stripe source and an SQLite ledger that is there, and with one that is still to be made; beside it
`python -c pass`, for scale. They take turns. Seconds from exec on, and the CPU seconds spent by then, which
what else runs on the machine changes less.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from bench.__main__ import RESULTS
from bench.process import cpu_seconds
from bench.ways import Gateway
from stack.part import ROOT, STOP_SECONDS, clean_environment

_LONGEST_SECONDS = 60.0
_LOOK_EVERY = 0.002


@dataclass(frozen=True, slots=True)
class Started:
    """One start: seconds until it was ready, and CPU seconds of them."""

    seconds: float
    cpu: float


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m bench.starting", description=__doc__)
    parser.add_argument("--starts", type=int, default=9)
    parser.add_argument("--out", type=Path, default=RESULTS / "starting.json")
    chosen = parser.parse_args()
    # Nothing is brought to Restate: it need not be there.
    gateway = Gateway("starting", Path(tempfile.mkdtemp(prefix="gateway-starting-")), "http://127.0.0.1:9")
    kinds: dict[str, Callable[[], Started]] = {
        "python -c pass": _python,
        "new ledger": lambda: _gateway(gateway, new=True),
        "existing ledger": lambda: _gateway(gateway, new=False),
    }
    found: dict[str, list[Started]] = {kind: [] for kind in kinds}
    for turn in range(chosen.starts + 1):
        for kind, start in kinds.items():
            one = start()
            if turn:  # the first one reads everything from the disk
                found[kind].append(one)
    results = {kind: _summed_up(all_of_it) for kind, all_of_it in found.items()}
    print("| start | median s | worst s | CPU s |\n| --- | --- | --- | --- |")
    for kind, one_kind in results.items():
        print(f"| {kind} | {one_kind['median']:.2f} | {one_kind['worst']:.2f} | {one_kind['cpu']:.2f} |")
    chosen.out.parent.mkdir(exist_ok=True)
    chosen.out.write_text(json.dumps({"starts": chosen.starts, **results}, indent=2) + "\n")


def _summed_up(starts: list[Started]) -> dict[str, float]:
    seconds = [one.seconds for one in starts]
    return {"median": median(seconds), "worst": max(seconds), "cpu": median(one.cpu for one in starts)}


def _python() -> Started:
    began, before = time.perf_counter(), getrusage(RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "pass"], check=True, env=clean_environment())
    seconds, after = time.perf_counter() - began, getrusage(RUSAGE_CHILDREN)
    return Started(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _gateway(gateway: Gateway, new: bool) -> Started:
    if new:
        for file in gateway.directory.glob("gateway.db*"):
            file.unlink()
    with (gateway.directory / "gateway.log").open("ab") as log:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*gateway.command, "serve", *gateway.config],
            cwd=ROOT,
            env=clean_environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        while not _answers(gateway.address):
            assert process.poll() is None, f"it ended: see {log.name}"
            assert time.perf_counter() - began < _LONGEST_SECONDS, "it does not come up"
            time.sleep(_LOOK_EVERY)
        return Started(time.perf_counter() - began, cpu_seconds(process.pid))
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _answers(address: str) -> bool:
    connection = HTTPConnection(address, timeout=1)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    main()
