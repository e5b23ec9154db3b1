"""
`python -m bench.growth`: what a callback costs where there is much of something, as a ratio to little of it.

Two gateways run beside each other, one with little and one with much, and take turns; each figure is the
gateway's own CPU a callback, the median of so many turns. The executions are made up, which Restate takes
without a word: what is measured is the gateway.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

from bench import stripe
from bench.__main__ import RESULTS
from bench.measure import sent
from bench.waiter import encoded
from bench.ways import Gateway
from gateway import ids, keyfile
from gateway.keyring import Key, Status
from gateway.secret import Secret
from stack.restate import Restate

_CONNECTIONS = 32
#: Of large bodies, so that the disk keeps up.
_FEW_CONNECTIONS = 4
_ROW = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
"""


def _keys(gateway: Gateway, count: int) -> None:
    """More keys that verify."""
    file = gateway.directory / "keys.json"
    ring = keyfile.load(file, "default")
    for number in range(count - 1):
        ring = ring.add(Key(f"k{number}", Secret(os.urandom(32)), Status.ENABLED, ring.primary.created_at))
    keyfile.save(file, ring)


def _sources(gateway: Gateway, count: int) -> None:
    """More sources."""
    with (gateway.directory / "gateway.toml").open("a") as config:
        for number in range(count - 1):
            config.write(f'[sources.s{number}]\nprovider = "stripe"\nsecrets = ["{stripe.SECRET}"]\n')


def _rows(gateway: Gateway, count: int) -> None:
    """Open callbacks, and as many deliveries with their events, in a ledger that the gateway has made."""
    assert gateway.part
    gateway.part.start()
    gateway.part.wait_ready()
    gateway.part.stop()
    with closing(sqlite3.connect(gateway.directory / "gateway.db")) as ledger:
        ledger.row_factory = sqlite3.Row
        for table, values in _FILLING.items():
            columns = [row["name"] for row in ledger.execute(f"PRAGMA table_info({table})")]
            required = [
                row["name"]
                for row in ledger.execute(f"PRAGMA table_info({table})")
                if row["notnull"] and not row["pk"] and row["dflt_value"] is None
            ]
            assert set(required) <= set(values) <= set(columns), table
            names, made = ", ".join(values), ", ".join(values.values())
            ledger.execute(f"{_ROW} INSERT INTO {table} ({names}) SELECT {made} FROM n", {"rows": count})
        ledger.commit()


_NOW = "(strftime('%s') * 1000)"
#: What ids of now begin with: retention goes by it.
_TIME = ids.new_id("cb", time.time(), bytes(10))[3:13]
#: By table, what stands in its columns; ids sort by time as real ones do, what is random there is random.
_FILLING = {
    "callbacks": {
        "id": f"printf('cb_{_TIME}%016d', i)",
        "client": "'bench'",
        "source": "'stripe'",
        "target": "'{\"awakeable\":\"' || hex(randomblob(20)) || '\"}'",
        "on_failure": "'reject'",
        "label": "''",
        "identity": "randomblob(16)",
        "reference": "substr(hex(randomblob(16)), 1, 20)",
        "key_id": "'k1'",
        "public_url": "''",
        "created_at": _NOW,
        "expires_at": "(strftime('%s') + 86400)",
        "state": "'open'",
        "state_at": _NOW,
        "adopted": "false",
        "sequence": "0",
        "took_effect": "'unknown'",
        "orphaned": "false",
    },
    "deliveries": {
        "id": f"printf('dl_{_TIME}%016d', i)",
        "source": "'stripe'",
        "callback_id": f"printf('cb_{_TIME}%016d', i)",
        "received_at": _NOW,
        "method": "'POST'",
        "query": "''",
        "headers": "'[]'",
        "size": "1500",
        "secret": "'00000000'",
    },
    "events": {
        "delivery_id": f"printf('dl_{_TIME}%016d', i)",
        "source": "'stripe'",
        "event_id": "printf('evt_1%06d2eZvKYlo2C%s', i / 1000, hex(randomblob(4)))",
        "type": "'payment_intent.succeeded'",
        "type_verified": "true",
        "id_covered": "true",
        "verdict": "'succeeded'",
        "data_digest": "randomblob(16)",
        "json": "true",
        "media_type": "'application/json'",
        "time": "'2026-11-23T00:00:00Z'",
        "callback_id": f"printf('cb_{_TIME}%016d', i)",
        "outcome": "'completed'",
        "effect": "true",
        "conflict": "false",
        "contradicts": "false",
        "attempts": "0",
        "not_before": "0",
    },
}
#: What there is little and much of, and how a gateway gets it before it starts.
_KINDS: dict[str, tuple[int, int, Callable[[Gateway, int], None]]] = {
    "signing keys": (1, 100, _keys),
    "sources": (1, 500, _sources),
    "callbacks and deliveries": (1_000, 1_000_000, _rows),
}
_BODIES = "bytes of a body"
_SIZES = (1_000, 10_000, 100_000, 900_000)


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--callbacks", type=int, default=1000, help="in each turn")
    parser.add_argument("--kinds", nargs="+", choices=[*_KINDS, _BODIES], default=[*_KINDS, _BODIES])
    chosen = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="gateway-growth-"))
    restate = Restate(directory)
    restate.start()
    results: list[dict[str, object]] = []
    try:
        restate.wait_ready()
        for kind, (little, much, prepare) in _KINDS.items():
            if kind not in chosen.kinds:
                continue
            pair = []
            for count in (little, much):
                gateway = Gateway(f"{kind.replace(' ', '-')}-{count}", directory, restate.ingress_url)
                prepare(gateway, count)
                pair.append(gateway)
            costs = _turns(pair, chosen.turns, chosen.callbacks)
            results.append(_told(kind, little, much, costs[0], costs[1]))
        if _BODIES in chosen.kinds:
            gateway = Gateway("sizes", directory, restate.ingress_url)
            costs = _turns([gateway] * len(_SIZES), chosen.turns, chosen.callbacks // 10, _SIZES)
            for size, cost in zip(_SIZES[1:], costs[1:], strict=True):
                results.append(_told(_BODIES, _SIZES[0], size, costs[0], cost))
    finally:
        restate.stop()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "growth.json").write_text(json.dumps(results, indent=2) + "\n")


def _turns(
    gateways: list[Gateway], turns: int, callbacks: int, sizes: tuple[int, ...] | None = None
) -> list[float]:
    """The CPU of each in ms a callback."""
    parts = {id(gateway): gateway.part for gateway in gateways if gateway.part}
    for part in parts.values():
        part.start()
    try:
        for part in parts.values():
            part.wait_ready()
        found: list[list[float]] = [[] for _ in gateways]
        for turn in range(turns + 1):
            for place, gateway in enumerate(gateways):
                size = sizes[place] if sizes else 1500
                bodies = [stripe.event(one, size) for one in stripe.new_ids(callbacks)]
                connections = _FEW_CONNECTIONS if sizes else _CONNECTIONS
                cost = sent(gateway, gateway.paths(_made_up(callbacks)), bodies, connections).between_cpu_ms
                if turn:  # the first one warms up
                    found[place].append(cost)
        return [median(costs) for costs in found]
    finally:
        for part in parts.values():
            part.stop()


def _made_up(count: int) -> list[str]:
    return [encoded(os.urandom(24)) for _ in range(count)]


def _told(kind: str, little: int, much: int, small: float, large: float) -> dict[str, object]:
    print(
        f"{kind}: {small:.3f} ms with {little:,}, {large:.3f} ms with {much:,}, ratio {small / large:.2f}",
        flush=True,
    )
    return {"what": kind, "little": little, "much": much, "ms": [small, large], "ratio": small / large}


if __name__ == "__main__":
    main()
