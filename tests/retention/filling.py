"""Many deliveries at once, written past the gateway: a ledger as it is after months."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from gateway import ids, targets
from gateway.settings import Ledger as Retention
from tests.core.samples import NOW
from tests.ledger.samples import callback

KEEP = Retention(
    keep_bodies=timedelta(days=7), keep_rows=timedelta(days=60), keep_unmatched=timedelta(hours=24)
)
DAY = 86_400.0


def fill(path: Path, count: int, *, days: float, body: int = 300, outcome: str = "completed") -> None:
    """
    Give a ledger that exists callbacks, each with a delivery of one event, spread over the days before NOW.

    `unmatched` ones have no callback and are parked; with `open` there are callbacks only.
    """
    matched = outcome not in ("unmatched", "open")
    sample = callback()
    made = [(number, NOW - days * DAY * (1 - number / count)) for number in range(count)]
    label = f"{outcome}-{days:g}"
    of = [ids.new_id("dl", at, os.urandom(10)) for _, at in made]
    with closing(sqlite3.connect(path)) as connection, connection:
        if outcome != "unmatched":
            connection.executemany(
                "INSERT INTO callbacks (id, client, source, target, on_failure, label, reference, key_id, "
                "public_url, created_at, expires_at, state, state_at, adopted, sequence, took_effect, "
                "orphaned) VALUES "
                "(?, 'shop', 'acmepay', ?, 'resolve', ?, ?, 'k1', '', ?, ?, ?, ?, 0, 0, 'unknown', 0)",
                (
                    (
                        f"cb_{label}_{number}",
                        targets.dump(sample.target),
                        f"{label}-{number}",
                        f"ref-{label}-{number}",
                        int(at * 1000),
                        int(at) + 3600,
                        "completed" if matched else "open",
                        int(at * 1000),
                    )
                    for number, at in made
                ),
            )
        if outcome == "open":
            return
        connection.executemany(
            "INSERT INTO deliveries (id, source, callback_id, received_at, method, query, headers, body, "
            "secret) VALUES (?, 'acmepay', ?, ?, 'POST', '', '[]', ?, 'x')",
            (
                (
                    of[number],
                    f"cb_{label}_{number}" if matched else None,
                    int(at * 1000),
                    b"x" * body,
                )
                for number, at in made
            ),
        )
        connection.executemany(
            "INSERT INTO events (delivery_id, source, event_id, type, type_verified, id_covered, verdict, "
            "data_digest, json, media_type, time, callback_id, outcome, effect, conflict, contradicts, "
            "attempts, not_before) VALUES (?, 'acmepay', ?, 'paid', 1, 1, 'succeeded', x'00', 1, "
            "'application/json', '', ?, ?, ?, 0, 0, 0, 0)",
            (
                (
                    of[number],
                    f"evt_{label}_{number}",
                    f"cb_{label}_{number}" if matched else None,
                    outcome,
                    matched,
                )
                for number, at in made
            ),
        )
        if outcome == "unmatched":
            connection.execute(
                "INSERT INTO parked (source, object, event, since) SELECT 'acmepay', 'pi_' || e.id, e.id, "
                "d.received_at FROM events e JOIN deliveries d ON d.id = e.delivery_id "
                "WHERE e.outcome = 'unmatched'"
            )
