"""
`python -m tests.chaos --seconds 300`: three gateways, three Restate nodes, one PostgreSQL, a fault every 5 s.

Writes the history beside itself and prints the checker's report; exit code 1 where anything is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.checker import check
from tests.chaos.history import History
from tests.chaos.play import Run
from tests.chaos.replicas import Replicas


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--rate", type=float, default=8, help="waits issued a second")
    parser.add_argument("--fault-every", type=float, default=5)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    random.seed(chosen.seed)
    directory = Path(tempfile.mkdtemp(prefix="gateway-chaos-"))
    print(
        f"chaos for {chosen.seconds:.0f} s, seed {chosen.seed}; history and logs in {directory}", flush=True
    )
    parts = Replicas(directory)
    try:
        parts.start()
        print("three gateways, three Restate nodes and PostgreSQL are ready.", flush=True)
        history = asyncio.run(_play(Run(parts.world, chosen.seconds, chosen.rate, chosen.fault_every)))
    finally:
        parts.stop()
    history.write(directory / "history.jsonl")
    report = check(history)
    print(report)
    return int(bool(report.wrong))


async def _play(run: Run) -> History:
    async def tell() -> None:
        while True:
            await asyncio.sleep(10)
            print(f"{run.clock():4.0f} s: {len(run.history.records)} records", flush=True)

    telling = asyncio.create_task(tell())
    try:
        return await run.play()
    finally:
        telling.cancel()


if __name__ == "__main__":
    sys.exit(main())
