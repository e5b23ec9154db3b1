"""
`python -m bench.memory`: what memory a gateway holds while it takes so many genuine callbacks.

Shown after its start and after each tenth of them: resident, the most that it ever was, and of it what no
file backs, which is the gateway's alone (the rest are libraries, one copy of which all processes share). It
is flat where the second half makes it no larger; that half's slope is in kB for 1,000 callbacks.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import linear_regression

from bench import stripe
from bench.__main__ import RESULTS
from bench.issuing import issued
from bench.measure import sent
from bench.process import anonymous, resident, usage
from bench.ways import Gateway
from stack.restate import Restate

_CONNECTIONS = 32
_PARTS = 10
#: A heap breathes by some hundred pages; one small object that is kept of each callback is 56 kB and more.
_FLAT_KB = 40.0


@dataclass(frozen=True, slots=True)
class Held:
    """What was held after so many callbacks, in MB."""

    callbacks: int
    resident_mb: float
    peak_mb: float
    anonymous_mb: float

    @classmethod
    def of(cls, pid: int, callbacks: int) -> Held:
        """What a process holds now."""
        return cls(callbacks, resident(pid) / 1e6, usage(pid).peak / 1e6, anonymous(pid) / 1e6)


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--callbacks", type=int, default=100_000)
    parser.add_argument("--out", type=Path, default=RESULTS / "memory.json")
    chosen = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="gateway-memory-"))
    restate = Restate(directory)
    gateway = Gateway("memory", directory, restate.ingress_url)
    assert gateway.part
    paths = issued(gateway, chosen.callbacks)
    restate.start()
    gateway.part.start()
    found: list[Held] = []
    try:
        restate.wait_ready()
        gateway.part.wait_ready()
        assert gateway.part.pid
        print("| callbacks | resident MB | peak MB | anonymous MB |\n| --- | --- | --- | --- |")
        found.append(_show(Held.of(gateway.part.pid, 0)))
        part = chosen.callbacks // _PARTS
        for number in range(_PARTS):
            bodies = [stripe.event(one) for one in stripe.new_ids(part)]
            sent(gateway, paths[number * part :][:part], bodies, _CONNECTIONS)
            found.append(_show(Held.of(gateway.part.pid, (number + 1) * part)))
    finally:
        gateway.part.stop()
        restate.stop()
    slope = slope_of(found[len(found) // 2 :])
    flat = slope < _FLAT_KB
    print(f"\n{slope:+.1f} kB for 1,000 callbacks in the second half: {'flat' if flat else 'not flat'}")
    chosen.out.parent.mkdir(exist_ok=True)
    result = {"slope_kb_per_1000": slope, "flat": flat, "held": [asdict(one) for one in found]}
    chosen.out.write_text(json.dumps(result, indent=2) + "\n")


def slope_of(held: Sequence[Held]) -> float:
    """By how much resident memory grows, in kB for 1,000 callbacks: the line of least squares."""
    line = linear_regression([one.callbacks for one in held], [one.resident_mb for one in held])
    return line.slope * 1_000_000


def _show(one: Held) -> Held:
    print(
        f"| {one.callbacks:,} | {one.resident_mb:.1f} | {one.peak_mb:.1f} | {one.anonymous_mb:.1f} |",
        flush=True,
    )
    return one


if __name__ == "__main__":
    main()
