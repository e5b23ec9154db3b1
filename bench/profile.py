"""
`python -m bench.profile`: where the gateway's CPU goes, in microseconds a callback, by what runs there.

py-spy looks at a gateway under load two hundred times a second; a look counts for the innermost of our own
modules on its stack, or for the library that runs without one of ours.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from uuid import uuid4

from bench import stripe
from bench.measure import sent
from bench.waiter import encoded
from bench.ways import Gateway
from stack.restate import Restate

_LOOKS_A_SECOND = 200
_CONNECTIONS = 32
#: By a part of a frame's file name, what it counts as; the first that fits, from the innermost frame on.
_PARTS = (
    ("gateway/tokens", "token"),
    ("gateway/keyring", "token"),
    ("itsdangerous", "token"),
    ("gateway/providers/signatures", "verify"),
    ("gateway/strict_json", "JSON and reading"),
    ("gateway/providers", "JSON and reading"),
    ("gateway/rules", "decide"),
    ("gateway/decide", "decide"),
    ("gateway/ledger", "ledger"),
    ("gateway/restate", "Restate's client"),
    ("pyreqwest", "Restate's client"),
    ("gateway/envelope", "Restate's client"),
    ("gateway/log", "log"),
    ("structlog", "log"),
    ("prometheus_client", "metrics"),
    ("gateway/observe/metrics", "metrics"),
    ("gateway/observe", "passage"),
    ("uvicorn", "HTTP server"),
    ("httptools", "HTTP server"),
    ("starlette", "HTTP framework"),
    ("gateway/public", "the path itself"),
)


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--callbacks", type=int, default=5000)
    chosen = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="gateway-profile-"))
    restate = Restate(directory)
    restate.start()
    gateway = Gateway("profiled", directory, restate.ingress_url)
    assert gateway.part
    gateway.part.start()
    try:
        restate.wait_ready()
        gateway.part.wait_ready()
        paths = gateway.paths([encoded(os.urandom(24)) for _ in range(chosen.callbacks)])
        bodies = [stripe.event(uuid4().hex) for _ in paths]
        stacks = directory / "stacks"
        looking = subprocess.Popen(
            [
                *(str(Path(sys.executable).with_name("py-spy")), "record", "--pid", str(gateway.part.pid)),
                *("--rate", str(_LOOKS_A_SECOND), "--format", "raw", "--gil", "--output", str(stacks)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        one = sent(gateway, paths, bodies, _CONNECTIONS)
        looking.send_signal(2)
        looking.wait()
    finally:
        gateway.part.stop()
        restate.stop()
    shares = _shares(stacks.read_text())
    total = sum(shares.values())
    print(f"{one.between_cpu_ms * 1000:.0f} µs of CPU a callback, of the Python in it:\n")
    print("| what | µs a callback | share |\n| --- | --- | --- |")
    for what, looks in shares.most_common():
        share = looks / total
        print(f"| {what} | {share * one.between_cpu_ms * 1000:.0f} | {share:.0%} |")


def _shares(stacks: str) -> Counter[str]:
    """Looks by part. A line of py-spy's is frames from the outermost on, divided by `;`, and a number."""
    found: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, looks = line.rpartition(" ")
        found[_part(frames.split(";"))] += int(looks)
    return found


def _part(frames: list[str]) -> str:
    for frame in reversed(frames):
        for text, part in _PARTS:
            if text in frame:
                return part
    return "event loop"


if __name__ == "__main__":
    main()
