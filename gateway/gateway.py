"""The parts of a running gateway, made once and handed to both apps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gateway import ids, urls
from gateway.admin import RestateAdmin
from gateway.clients import WatchedClients
from gateway.entropy import random_bytes
from gateway.fetcher import Fetcher
from gateway.keyfile import WatchedKeyRing
from gateway.keyring import KeyRing
from gateway.ledger import Ledger
from gateway.ledger.courier import Courier
from gateway.ledger.records import Callback
from gateway.ledger.refusing import Refusals
from gateway.ledger.uses import Uses
from gateway.observe.observer import Observer
from gateway.rates import Buckets
from gateway.restate import RestateClient
from gateway.secretwatch import WatchedSecret
from gateway.settings import Settings
from gateway.sources import Sources
from gateway.sourcewatch import WatchedSources
from gateway.status import Status

Result = TypeVar("Result")


@dataclass
class Gateway:
    """Settings and parts. `clock` gives seconds since the epoch; `draining` is True once it is to stop."""

    settings: Settings
    watched_sources: WatchedSources
    clients: WatchedClients
    keys: WatchedKeyRing
    ledger: Ledger
    restate: RestateClient
    courier: Courier
    admin: RestateAdmin | None = None
    restate_token: WatchedSecret | None = None
    clock: Callable[[], float] = time.time
    refusals: Refusals = field(default_factory=Refusals)
    #: How fast each client has been issuing, in this process.
    issuing: Buckets = field(default_factory=Buckets)
    observer: Observer = field(default_factory=Observer)
    fetcher: Fetcher = field(default_factory=Fetcher)
    draining: bool = False
    uses: Uses = field(init=False)
    status: Status = field(init=False)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.uses = Uses(self.clock)
        ingress_urls = self.settings.restate.ingress_urls
        self.status = Status(self.ledger, ingress_urls, self.admin, self.restate.auth_token)

    @property
    def sources(self) -> Sources:
        """The sources in force, with their secrets."""
        return self.watched_sources.sources

    @property
    def ring(self) -> KeyRing:
        """The signing keys in force."""
        return self.keys.ring

    def new_id(self, prefix: str) -> str:
        """A fresh id: `cb_…`, `dl_…`."""
        return ids.new_id(prefix, self.clock(), random_bytes(10))

    def new_reference(self) -> str:
        """A fresh reference."""
        return ids.new_reference(random_bytes(ids.REFERENCE_BYTES))

    def callback_url(self, callback: Callback) -> str | None:
        """
        The callback's URL, minted again with the key and the address of its issue: always the same text.

        None once that key is retired: the URL would be answered 404.
        """
        key = self.ring.verifying(callback.key_id)
        if key is None:
            return None
        return urls.of_callback(callback, self.ring, key)

    def account_url(self, source: str) -> str:
        """The URL that is pasted into a provider's dashboard."""
        return f"{self.settings.public_url}/s/{source}"

    async def to_the_end(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do some work to its end, even if whoever asked for it hangs up meanwhile."""
        task = asyncio.create_task(work)
        self.outlast(task)
        return await asyncio.shield(task)

    def outlast(self, work: asyncio.Task[Any]) -> None:
        """Let a task that nobody waits for any more come to its end."""
        if not work.done():
            self._tasks.add(work)
            work.add_done_callback(self._tasks.discard)

    async def finish(self, within: float) -> None:
        """Wait for the work that is still being done."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within)
