"""A provider as it is played in a test: it makes events, signs them, and brings them to the gateway."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Literal

import httpx

from gateway.errors import ConfigurationError
from gateway.secret import Secret
from gateway.sending.events import completed, sample
from gateway.sending.posting import Answered, post
from gateway.sending.signing import Ready, Signing, key_of, signed
from gateway.testing.callback import Callback
from gateway.testing.thread import GatewayThread


@dataclass(frozen=True)
class SimulatedProvider:
    """
    A provider's account, for which the gateway has a source.

    `source` is the source's name, `url` the account's URL, `secret` the text that its events are signed with
    ("" where nothing is signed): for code that signs by itself.
    """

    source: str
    url: str
    secret: str = field(repr=False)
    _signing: Signing = field(repr=False)
    _thread: GatewayThread = field(repr=False)
    _http: httpx.AsyncClient = field(repr=False)

    async def deliver(
        self,
        *events: str,
        to: Callback | str | None = None,
        about: str | None = None,
        set: Mapping[str, Any] | None = None,  # noqa: A002  # the word of `gateway send`
        times: int = 1,
        order: Literal["given", "shuffled"] = "given",
        seed: int = 0,
        concurrency: int = 1,
        secret: str | None = None,
        stale: bool = False,
        tamper: bool = False,
    ) -> list[Answered]:
        """
        Deliver events as the provider does, and return what was answered, in the order of sending.

        Each of `events` is a type, or `success` (where none is named) or `failure` for the provider's own.
        They go `to` a callback: to its own URL, or to the account's with its reference in the provider's
        field; or to a URL; or, where nothing is said, to the account's as they are. `about` is the id of the
        provider's object, which an alias may name, and `set` has values by their paths in the body
        (`data.object.amount`) or as `header:NAME`.

        `times` is how often each comes, the same bytes again. `shuffled` orders are the same for the same
        `seed`. `concurrency` is how many are on their way at a time. With another `secret`, `stale` (signed a
        year ago) or `tamper` (a signed digit changed) they have to be refused.

        Raises `ConfigurationError` for what can't be made, or would not be refused.
        """
        if times < 1 or concurrency < 1:
            raise ConfigurationError("times, concurrency: a number from 1 is needed")
        if order not in ("given", "shuffled"):
            raise ConfigurationError(f'order: "given" or "shuffled" is needed, not "{order}"')
        wanted = events or ("success",)
        url, reference = self._addressed(to, about)
        found = self._signing
        if secret is not None:
            found = replace(found, keys=[key_of(found.provider, Secret(secret))])

        @cache
        def made(place: int) -> Ready:
            now = time.time()
            delivery = sample(found.provider, found.rules, wanted[place], url, now)
            delivery = completed(found.provider, delivery, reference, about, set)
            return signed(found, delivery, now, stale=stale, tamper=tamper)

        places = [place for place in range(len(wanted)) for _ in range(times)]
        if order == "shuffled":
            random.Random(seed).shuffle(places)  # noqa: S311  # an order, no secret
        return await self._thread.result(self._post([made(place) for place in places], concurrency))

    def _addressed(self, to: Callback | str | None, about: str | None) -> tuple[str, str | None]:
        """The URL, and the reference that an event has to name."""
        if not isinstance(to, Callback):
            return to or self.url, None
        if to.source != self.source:
            raise ConfigurationError(f"to: {to.id} is a callback of {to.source}, not of {self.source}")
        if to.url is not None:
            return to.url, None
        provider = self._signing.provider
        if provider.reference_field is not None:
            return to.account_url, to.reference
        if about is None:
            raise ConfigurationError(
                f"to: {provider.title} has one URL for the account and no field for a reference: its events "
                "are found by their object. Say callback.alias(ID) once it is issued, and deliver(about=ID)"
            )
        return to.account_url, None

    async def _post(self, ready: list[Ready], concurrency: int) -> list[Answered]:
        seconds = self._signing.provider.waits_for.total_seconds()
        free = asyncio.Semaphore(concurrency)

        async def one(each: Ready) -> Answered:
            async with free:
                return await post(self._http, each, seconds)

        return await asyncio.gather(*map(one, ready))
