"""
`python -m bench.refusals`: what refusing costs, as a share of what accepting does.

A forged token, and a genuine URL whose webhook is signed with another secret, at a gateway whose rates would
let all of them through: what is beyond a rate costs less. They take turns with genuine callbacks.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench import stripe
from bench.__main__ import RESULTS
from bench.measure import sent
from bench.waiter import encoded
from bench.ways import Gateway
from stack.restate import Restate

_CONNECTIONS = 32
_LIMITS = "[limits]\nunverified_per_minute = 100_000_000\nunknown_per_minute = 100_000_000\n"
#: What each answers, and the share of an accepted one's CPU that it may take.
KINDS = {"accepted": (200, 1.0), "forged token": (404, 1 / 3), "wrong signature": (401, 1 / 2)}


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m bench.refusals", description=__doc__)
    parser.add_argument("--callbacks", type=int, default=3000, help="of each kind in a turn")
    parser.add_argument("--turns", type=int, default=5)
    chosen = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="gateway-refusals-"))
    restate = Restate(directory)
    gateway = Gateway("refusing", directory, restate.ingress_url, more=_LIMITS)
    assert gateway.part
    costs: defaultdict[str, list[float]] = defaultdict(list)
    try:
        restate.start()
        gateway.part.start()
        restate.wait_ready()
        gateway.part.wait_ready()
        for turn in range(chosen.turns + 1):
            for kind in KINDS:
                cost = _turn(gateway, kind, chosen.callbacks)
                if turn:  # the first one warms up
                    costs[kind].append(cost)
    finally:
        gateway.part.stop()
        restate.stop()
    ms = {kind: median(found) for kind, found in costs.items()}
    for kind, (_, share) in KINDS.items():
        print(f"{kind}: {ms[kind]:.3f} ms of CPU, {ms[kind] / ms['accepted']:.2f} (at most {share:.2f})")
    RESULTS.mkdir(exist_ok=True)
    shares = {kind: {"ms": cost, "ratio": cost / ms["accepted"]} for kind, cost in ms.items()}
    (RESULTS / "refusals.json").write_text(json.dumps(shares, indent=2) + "\n")


def _turn(gateway: Gateway, kind: str, count: int) -> float:
    """The CPU of so many of a kind, in ms each."""
    paths: Sequence[str] = gateway.paths([encoded(os.urandom(24)) for _ in range(count)])
    bodies = [stripe.event(one) for one in stripe.new_ids(len(paths))]
    secret = stripe.SECRET
    if kind == "forged token":
        paths = [path[:-1] + ("A" if path[-1] != "A" else "E") for path in paths]
    elif kind == "wrong signature":
        secret = stripe.SECRET[:-1] + "?"
    status, _ = KINDS[kind]
    return sent(gateway, paths, bodies, _CONNECTIONS, secret=secret, status=status).between_cpu_ms


if __name__ == "__main__":
    main()
