"""
What a running gateway tells the others about its keys, through the ledger that they share.

That is what a rotation waits for: a key is promoted once every gateway verifies with it. What was said in
the key file of who changed what is taken into the ledger on the way, and what a revoked key's open callbacks
need is done, by each gateway: so the key file alone says what is to be, whoever is running when it changes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

from gateway.errors import ConfigurationError, TryLater
from gateway.keyfile import WatchedKeyRing
from gateway.keyring import Key, KeyRing, Status
from gateway.ledger import Ledger, keychanges, replicas, revoking
from gateway.ledger.replicas import Replica
from gateway.log import logger

_EVERY = 2.0
#: It is off the path of a webhook, and the next turn comes soon.
_SECONDS = 5.0
_START_SECONDS = 30.0
_LEAVE_SECONDS = 0.5


class KeyReport:
    """Reports the keys of one gateway while it serves. `clock` gives seconds since the epoch."""

    def __init__(self, ledger: Ledger, keys: WatchedKeyRing, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._keys = keys
        self._clock = clock
        self._id = f"gw_{os.urandom(8).hex()}"
        self._name = f"{os.uname().nodename}:{os.getpid()}"
        self._changed = asyncio.Event()
        self._recorded: KeyRing | None = None
        self._away = False

    def wake(self) -> None:
        """Say that the keys in force have changed."""
        self._changed.set()

    async def begin(self) -> None:
        """
        Report once, before anything is served.

        Raises `ConfigurationError` where the key file gives a known id other bytes.
        """
        if self._ledger.exclusive:
            # One that was killed said no word of it, and would be waited for.
            await self._ledger.write(replicas.forget, _START_SECONDS)
        self._keys.remember(await self._ledger.read(keychanges.used, _START_SECONDS))
        await self._turn(_START_SECONDS)

    async def run(self) -> None:
        """Report every few seconds, and at once when `wake` was called, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await self._changed.wait()
            self._changed.clear()
            try:
                await self._turn(_SECONDS)
                self._away = False
            except TryLater as error:
                if not self._away:
                    self._away = True
                    logger.warning("keys are not reported, the ledger is away", error=error.detail)
            except Exception as error:
                # A fault of ours must not keep every rotation waiting. Its text may hold anything.
                logger.error("keys are not reported", error=type(error).__name__)

    async def end(self) -> None:
        """Say that this gateway serves no more."""
        with suppress(TryLater):
            await self._ledger.write(replicas.leave(self._id), _LEAVE_SECONDS)

    async def _turn(self, within: float) -> None:
        ring = self._keys.ring
        # First what has to be done, then the word that it is.
        for key in ring.keys:
            if key.status is Status.REVOKED:
                await self._carry_out(key)
        if ring is not self._recorded:
            await self._ledger.write(keychanges.record(ring), within)
            self._recorded = ring
        me = Replica.of(self._id, self._name, ring, self._keys.error)
        others = await self._ledger.write(replicas.report(me), within)
        used = await self._ledger.read(keychanges.used, within)
        self._compare(ring, used, others)

    async def _carry_out(self, key: Key) -> None:
        total, more = 0, True
        while more:
            done, more = await self._ledger.write(revoking.carry_out(key, self._clock()), _SECONDS)
            total += done
            await asyncio.sleep(0)  # deliveries come in between
        if total:
            logger.warning(
                "callbacks of a revoked key",
                key=key.id,
                **({"closed": total} if key.successor is None else {"signed_again": total}),
            )

    def _compare(self, ring: KeyRing, used: dict[str, str], others: list[Replica]) -> None:
        """Find out whether the gateways disagree: one could refuse what another one gives out."""
        found = None
        try:
            self._keys.remember(used)
        except ConfigurationError as error:
            found = str(error)
        for other in others:
            key = ring.key(other.primary)
            if key is None or not key.status.verifies or not other.verifies(key):
                found = (
                    f"keys.file: the gateway {other.name} signs with the key {other.primary}, which is not "
                    "in force here: its URLs are answered 404 by this one; both need the same key file"
                )
        if found is not None and found != self._keys.disagreement:
            logger.error("the gateways disagree about the keys", reason=found)
        self._keys.disagreement = found
