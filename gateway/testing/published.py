"""What some providers publish for verifying them, handed to the gateway in place of being fetched."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway import samples
from gateway.errors import TryLater
from gateway.fetcher import Fetcher
from gateway.providers.base import Provider
from gateway.providers.fetch import Fetch
from gateway.secret import Secret
from gateway.testing import keypairs


@dataclass
class PublishedKeys(Fetcher):
    """Fetches from `by_host`, and never asks the network."""

    by_host: dict[str, bytes] = field(default_factory=dict)

    def publish(self, provider: Provider, keys: Sequence[Secret]) -> Provider:
        """
        Publish what a provider's deliveries are verified with; the provider, with the private key to it.

        Where nothing has to be fetched, nothing is published.
        """
        if not provider.fetches:
            return provider
        # Where it is fetched from, a delivery says.
        trial = provider.given(keypairs.published(provider.scheme, "unknown.invalid"))
        delivery = samples.load(provider.name, "success", "http://127.0.0.1/")
        fetch = provider.needs(trial.scheme.sign(delivery, keys[0], time.time()), keys)
        if fetch is None:
            return provider
        material = keypairs.published(provider.scheme, fetch.host)
        self.by_host[fetch.host] = material
        return provider.given(material)

    async def get(self, fetch: Fetch) -> bytes:
        """What a host publishes here; `TryLater` where nothing was published for it."""
        try:
            return self.by_host[fetch.host]
        except KeyError:
            raise TryLater(f"nothing is published for {fetch.host} in this test") from None

    async def visit(self, url: str) -> None:
        """Take a registration for confirmed: nobody is asked."""
