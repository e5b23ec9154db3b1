"""
A gateway with a bug: `python -m tests.chaos.buggy BUG serve --config FILE`.

Each is a mistake that somebody could make in good faith; the checker has to see what comes of it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any

from gateway import cli, keyring, restate
from gateway.errors import TryLater
from gateway.keyring import Key
from gateway.ledger import disposing, owing
from gateway.ledger.courier import Courier
from gateway.ledger.records import Owed
from gateway.ledger.sqlite_transaction import SqliteTransaction
from gateway.ledger.worker import settle
from gateway.ledger.writer import Writer
from gateway.outcome import Outcome
from gateway.providers.base import Provider
from gateway.restate import RestateClient


def acknowledge_before_the_commit() -> None:
    def turn(self: Writer, loop: asyncio.AbstractEventLoop) -> None:
        jobs = list(self._jobs)
        self._jobs.clear()
        self._at_work = bool(jobs)
        if not jobs:
            return
        self._connection.execute("BEGIN IMMEDIATE")
        tx = SqliteTransaction(self._connection)
        settle([(job, *self._savepoint(tx, job)) for job in jobs])

        def commit() -> None:
            self._connection.execute("COMMIT")
            turn(self, loop)

        loop.call_later(0.5, commit)

    Writer._turn = turn  # type: ignore[method-assign]


def drop_what_restate_did_not_take() -> None:
    def not_accepted(self: Courier, owed: Owed, result: restate.Result) -> Outcome:
        self._note(owed)
        return Outcome.COMPLETED

    Courier._not_accepted = not_accepted  # type: ignore[method-assign]


def no_deadline() -> None:
    complete = RestateClient.complete

    async def patient(
        self: RestateClient, effect: Any, deadline: float, traceparent: str | None = None
    ) -> restate.Result:
        return await complete(self, effect, deadline + 3600, traceparent)

    RestateClient.complete = patient  # type: ignore[method-assign]


def no_courier() -> None:
    async def run(self: Courier) -> None:
        await asyncio.Event().wait()

    Courier.run = run  # type: ignore[method-assign]


def no_dedupe() -> None:
    disposing._earlier = lambda *_: None


def a_fresh_idempotency_key_each_time() -> None:
    restate.idempotency_key = lambda effect: os.urandom(16).hex()


def note_before_restate() -> None:
    deliver = Courier.deliver

    async def noted(self: Courier, owed: Owed, deadline: float, traceparent: str | None = None) -> Outcome:
        await self.ledger.write(owing.accepted([owed]), 5)
        await asyncio.sleep(0.4)
        return await deliver(self, owed, deadline, traceparent)

    Courier.deliver = noted  # type: ignore[method-assign]


def answer_500_when_the_ledger_is_away() -> None:
    TryLater.status = 500


def no_order_in_streams() -> None:
    def any_order(sql: str) -> str:
        return sql.replace("e.sequence IS NULL OR", "1 = 1 OR")

    disposing._older_is_owed = lambda *_: False
    query = SqliteTransaction.all
    SqliteTransaction.all = lambda self, sql, parameters: query(  # type: ignore[method-assign]
        self, any_order(sql), parameters
    )


def no_verification() -> None:
    Provider.verify = lambda *_: 0  # type: ignore[method-assign]


def other_keys_after_a_restart() -> None:
    derive = Key.derive
    salt = os.urandom(4).hex()
    keyring.Key.derive = lambda self, deployment, label, length: derive(  # type: ignore[method-assign]
        self, deployment + salt, label, length
    )


BUGS: dict[str, Callable[[], None]] = {
    bug.__name__.replace("_", "-"): bug
    for bug in (
        acknowledge_before_the_commit,
        drop_what_restate_did_not_take,
        no_deadline,
        no_courier,
        no_dedupe,
        a_fresh_idempotency_key_each_time,
        note_before_restate,
        answer_500_when_the_ledger_is_away,
        no_order_in_streams,
        no_verification,
        other_keys_after_a_restart,
    )
}

if __name__ == "__main__":
    BUGS[sys.argv.pop(1)]()
    cli.main()
