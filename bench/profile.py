"""
`python -m bench.profile`: where the gateway's CPU goes, in microseconds a callback, by step and by what runs.

py-spy looks at a gateway under load two hundred times a second; a look counts for the innermost of what is
named below on its stack: a step of a webhook's way, as docs/design.md has them, and a module or a library.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench import stripe
from bench.measure import sent
from bench.waiter import encoded
from bench.ways import Gateway
from stack.restate import Restate

_LOOKS_A_SECOND = 200
_CONNECTIONS = 32
Parts = tuple[tuple[str, str], ...]
#: By a part of a frame's text, "function (file", what it counts as.
_STEPS: Parts = (
    ("locate (gateway/public/receive", "1 token"),
    ("read_body (gateway/public/body", "2 body"),
    ("verify (gateway/public/issued", "3 verify"),
    ("Provider.read (gateway/providers/base", "4 interpret"),
    ("judge (gateway/public/receive", "5 propose"),
    ("gateway/ledger/courier", "7 complete"),
    ("gateway/ledger", "6 dispose"),
    ("gateway/restate", "7 complete"),
    ("gateway/ingress", "7 complete"),
    ("answer (gateway/public/receive", "8 answer"),
    ("_send (gateway/public/app", "8 answer"),
    ("gateway/observe", "log and metrics"),
    ("gateway/log", "log and metrics"),
    ("data_received (gateway/http", "requests as they come in"),
    ("gateway/public", "between the steps"),
)
_WHAT: Parts = (
    ("gateway/tokens", "token"),
    ("gateway/keyring", "token"),
    ("gateway/providers/signatures", "verify"),
    ("gateway/strict_json", "JSON and reading"),
    ("gateway/providers", "JSON and reading"),
    ("gateway/rules", "decide"),
    ("gateway/decide", "decide"),
    ("gateway/ledger", "ledger"),
    ("gateway/restate", "Restate's client"),
    ("gateway/ingress", "Restate's client"),
    ("gateway/envelope", "Restate's client"),
    ("gateway/log", "log"),
    ("structlog", "log"),
    ("gateway/observe/metrics", "metrics"),
    ("gateway/observe", "passage"),
    ("gateway/http", "HTTP server"),
    ("uvicorn", "HTTP server"),
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
        bodies = [stripe.event(one) for one in stripe.new_ids(len(paths))]
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
    print(f"{one.between_cpu_ms * 1000:.0f} µs of CPU a callback, of the Python in it:")
    for title, parts in (("step", _STEPS), ("what", _WHAT)):
        shares = _shares(stacks.read_text(), parts)
        print(f"\n| {title} | µs a callback | share |\n| --- | --- | --- |")
        for name, share in _sorted(shares, numbered=parts is _STEPS):
            print(f"| {name} | {share * one.between_cpu_ms * 1000:.0f} | {share:.0%} |")


def _sorted(shares: dict[str, float], numbered: bool) -> list[tuple[str, float]]:
    """The steps in their order, and behind them, as all others, the largest first."""
    steps = sorted(item for item in shares.items() if numbered and item[0][0].isdigit())
    others = [item for item in shares.items() if item not in steps]
    return steps + sorted(others, key=lambda item: -item[1])


def _shares(stacks: str, parts: Parts) -> dict[str, float]:
    """Shares of the looks. A line of py-spy's is frames, outermost first, with `;` between, and a number."""
    found: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, looks = line.rpartition(" ")
        found[_part(frames.split(";"), parts)] += int(looks)
    return {name: looks / found.total() for name, looks in found.items()}


def _part(frames: list[str], parts: Parts) -> str:
    for frame in reversed(frames):
        for text, part in parts:
            if text in frame:
                return part
    return "event loop"


if __name__ == "__main__":
    main()
