"""Under steady load the files stay as large as what they hold; when the load ends they shrink."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from gateway.ledger import disposing, issuing, owing
from gateway.ledger.file import _LOG_BYTES
from gateway.ledger.retention import shrink, sweep
from gateway.ledger.sqlite import SqliteLedger
from gateway.ledger.worker import Operation, Transaction
from gateway.settings import Ledger as Retention
from tests.core.samples import NOW
from tests.ledger.samples import callback, event, new_reference, proposal, rows

HOUR = 3600
KEEP = Retention(
    keep_bodies=timedelta(hours=5), keep_rows=timedelta(hours=10), keep_unmatched=timedelta(hours=2)
)


def traffic(at: float, count: int, sizes: random.Random) -> Operation[None]:
    """An hour's deliveries: callbacks that are issued and completed, and events that nobody waits for."""

    def operation(tx: Transaction) -> None:
        for number in range(count):
            waiting = replace(callback(created_at=at, expires_at=int(at) + 600))
            event_id = f"evt_{at:.0f}_{number}"
            body = b'{"id":"%b","data":"%b"}' % (event_id.encode(), b"x" * sizes.randint(500, 20_000))
            said = event(event_id, data=body, objects=(f"pi_{event_id}",))
            to = None if number % 4 == 0 else waiting
            if to is not None:
                issuing.issue(waiting, None, b"")(tx)
            for disposed in disposing.record(proposal(to, said, at=at), new_reference)(tx):
                if disposed.owed is not None:
                    owing.accepted([disposed.owed])(tx)

    return operation


def size(file: Path) -> int:
    """A file's size in bytes."""
    return file.stat().st_size


async def cleaned(ledger: SqliteLedger, now: float) -> None:
    """Sweep until nothing is due."""
    while (await sweep(ledger, KEEP, now)).any:
        pass
    await shrink(ledger)


async def test_the_files_level_off_under_steady_load_and_shrink_after_it(
    ledger: SqliteLedger, path: Path
) -> None:
    log = Path(f"{path}-wal")
    sizes = random.Random(20261123)
    found, logs = [], []
    for hour in range(30):
        now = NOW + hour * HOUR
        await ledger.write(traffic(now, 40, sizes), within=30)
        logs.append(size(log))
        await cleaned(ledger, now)
        assert size(log) == 0
        found.append(size(path))
    early, late = max(found[10:18]), max(found[22:])
    print(f"\nafter 5 h {found[5] >> 10} KiB, 10 h {found[10] >> 10} KiB, 30 h {found[-1] >> 10} KiB")
    assert found[10] > 2 * found[0]
    assert late < 1.1 * early
    assert max(logs) <= _LOG_BYTES
    held = await rows(ledger, "SELECT count(*), count(body) FROM deliveries")
    # Of the last 11 hours all rows, of the last 6 the 30 matched bodies, of the last 3 the 10 unmatched.
    assert held == [(11 * 40, 6 * 30 + 3 * 10)]

    await cleaned(ledger, NOW + 130 * HOUR)
    assert await rows(ledger, "SELECT count(*) FROM deliveries") == [(0,)]
    assert await rows(ledger, "SELECT count(*) FROM callbacks") == [(0,)]
    assert await rows(ledger, "SELECT count(*) FROM parked") == [(0,)]
    assert size(path) < late / 3
