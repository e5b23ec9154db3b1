"""Many callbacks at once, issued past the gateway while it is stopped: over HTTP they would take minutes."""

from __future__ import annotations

import asyncio
import os
import time
from urllib.parse import urlsplit

from bench.waiter import encoded
from bench.ways import Gateway
from gateway import ids, keyfile, urls
from gateway.ledger import connect, issuing
from gateway.ledger.records import Callback
from gateway.ledger.worker import Transaction
from gateway.outcome import State
from gateway.secret import Secret
from gateway.targets import Awakeable

#: Issued in one commit.
_AT_ONCE = 10_000
_LIFE = 86_400


def issued(gateway: Gateway, count: int) -> list[str]:
    """
    The paths of so many callbacks whose executions are made up, which Restate takes without a word.

    The gateway has keys and an SQLite ledger or none yet, and does not run.
    """
    ring = keyfile.load(gateway.directory / "keys.json", "default")
    callbacks = [_callback(f"http://{gateway.address}", ring.primary.id) for _ in range(count)]
    asyncio.run(_written(gateway, callbacks))
    return [urlsplit(urls.of_callback(one, ring, ring.primary)).path for one in callbacks]


async def _written(gateway: Gateway, callbacks: list[Callback]) -> None:
    ledger = connect(Secret(f"sqlite:///{gateway.directory / 'gateway.db'}".encode()))
    try:
        for begin in range(0, len(callbacks), _AT_ONCE):
            some = callbacks[begin : begin + _AT_ONCE]

            def operation(tx: Transaction, some: list[Callback] = some) -> None:
                for callback in some:
                    issuing.issue(callback, None, b"")(tx)

            await ledger.write(operation, within=None)
    finally:
        ledger.close()


def _callback(public_url: str, key_id: str) -> Callback:
    now = time.time()
    return Callback(
        id=ids.new_id("cb", now, os.urandom(10)),
        client="bench",
        source="stripe",
        target=Awakeable(encoded(os.urandom(24))),
        rules=None,
        on_failure="reject",
        label="",
        metadata=None,
        reference=ids.new_reference(os.urandom(ids.REFERENCE_BYTES)),
        key_id=key_id,
        public_url=public_url,
        created_at=now,
        expires_at=int(now) + _LIFE,
        state=State.OPEN,
    )
