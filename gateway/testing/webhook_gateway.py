"""The gateway of a test: what the code under test needs of it, and what the test plays and looks at."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from gateway.client import Callbacks
from gateway.client.api import GatewayApi
from gateway.errors import ConfigurationError
from gateway.ledger import issuing
from gateway.secret import Secret
from gateway.targets import Awakeable
from gateway.testing.accounts import open_account
from gateway.testing.api import Api
from gateway.testing.callback import Callback
from gateway.testing.configuration import Configuration
from gateway.testing.fake_restate import FakeRestate
from gateway.testing.loopback import address, bound
from gateway.testing.provider import SimulatedProvider
from gateway.testing.thread import GatewayThread

#: Between two looks at what is waited for.
_LOOK_EVERY = 0.02


class WebhookGateway:
    """
    A running gateway.

    `url` and `token` are for services, `env` has the two as `Callbacks.from_env` reads them, and `callbacks`
    is a client that has them already. `public_url` is what providers see. `folder` has the gateway's files,
    `gateway.toml` among them.
    """

    def __init__(
        self,
        configuration: Configuration,
        thread: GatewayThread,
        http: httpx.AsyncClient,
        fake: FakeRestate | None,
    ) -> None:
        self.folder = configuration.folder
        self.url = configuration.internal_url
        self.public_url = configuration.public_url
        self.token = configuration.token
        self.env = {"GATEWAY_URL": self.url, "GATEWAY_TOKEN": self.token}
        self.callbacks = Callbacks(GatewayApi(self.url, Secret(self.token)))
        self._fake = fake
        self._configuration = configuration
        self._thread = thread
        self._http = http
        self._service = Api(thread, http, self.url, self.token)
        self._ops = Api(thread, http, self.url, configuration.ops_token)

    @property
    def restate(self) -> FakeRestate:
        """Restate's stand-in; `ConfigurationError` where it is a real one."""
        if self._fake is None:
            raise ConfigurationError("restate: it is not faked here, so a test can't make it fail")
        return self._fake

    def provider(self, name: str, *, source: str | None = None, **settings: Any) -> SimulatedProvider:
        """
        A provider of the catalogue, for which the gateway has a source from now on: of its name, or `source`.

        `settings` are what `[sources.NAME]` may have (`succeed_on`, `reference`, `hmac={…}`); a source of
        that name that was there is replaced. Its secret is made for this test unless `secrets` are given, and
        so are the keys that a provider publishes. Raises `ConfigurationError` that says what is wrong.
        """
        gateway, published = self._thread.gateway, self._thread.published
        account = open_account(self._configuration, published, name, source or name, settings)
        watched = gateway.watched_sources
        watched.sources = watched.sources.replaced(account.source)
        name = account.source.name
        url = gateway.account_url(name)
        return SimulatedProvider(name, url, account.secret, account.signing, self._thread, self._http)

    async def callback(
        self, source: SimulatedProvider | str, *, target: Mapping[str, Any] | None = None, **request: Any
    ) -> Callback:
        """
        Issue a callback, as a service would.

        `target` is an awakeable of nobody's unless it is given; `request` is what `POST /v1/callbacks` takes
        besides (`label`, `succeed_on`, `expires_in`, `on_failure`). Raises `ConfigurationError` with the
        gateway's own words where it refuses.
        """
        name = source.source if isinstance(source, SimulatedProvider) else source
        aim = {"awakeable": _awakeable()} if target is None else dict(target)
        body = {"source": name, "target": aim, **request}
        issued = await self._service.result("POST", "/v1/callbacks", body)
        return await self._thread.result(self._found(issued["id"]))

    async def issued(
        self,
        source: SimulatedProvider | str,
        *,
        label: str | None = None,
        state: str = "open",
        within: float = 10.0,
    ) -> Callback:
        """
        The callback that a service issued last for a source: with a label where one is given, and in a state.

        Waits for it; AssertionError where there is none after `within` seconds.
        """
        name = source.source if isinstance(source, SimulatedProvider) else source
        asked = {"source": name, "state": state, "limit": "1"} | ({"label": label} if label else {})
        query = httpx.QueryParams(asked)
        deadline = time.monotonic() + within
        while not (found := (await self._ops.result("GET", f"/v1/callbacks?{query}"))["callbacks"]):
            labelled = f' with the label "{label}"' if label else ""
            assert time.monotonic() < deadline, (
                f"no {state} callback of {name}{labelled} was issued within {within:g} s"
            )
            await asyncio.sleep(_LOOK_EVERY)
        return await self._thread.result(self._found(found[0]["id"]))

    async def _found(self, callback_id: str) -> Callback:
        """A callback with what the API shows nobody, of this process's own gateway."""
        gateway = self._thread.gateway
        record, _ = await gateway.ledger.read(issuing.get(callback_id, None))
        return Callback(
            id=record.id,
            source=record.source,
            url=gateway.callback_url(record) if record.key_id else None,
            account_url=gateway.account_url(record.source),
            reference=record.reference,
            _target=record.target,
            _api=self._ops,
            _fake=self._fake,
        )


@contextmanager
def running(
    folder: Path, *, ingress_url: str | None = None, admin_url: str | None = None
) -> Iterator[WebhookGateway]:
    """
    A gateway with its files in a folder, for the time of a `with` block: for a fixture of your own scope.

    Restate is faked unless `ingress_url` names one that runs; with `admin_url` as well the gateway checks
    targets and finds out whether values took effect.
    """
    public, internal = bound(), bound()
    fake = FakeRestate() if ingress_url is None else None
    configuration = Configuration(
        folder, address(public), address(internal), ingress_url or (fake.url if fake else ""), admin_url
    )
    thread = GatewayThread(public, internal, fake)
    # On loopback nothing of the environment's proxies is wanted.
    http = httpx.AsyncClient(trust_env=False)
    try:
        thread.start(configuration.load())
        try:
            yield WebhookGateway(configuration, thread, http, fake)
        finally:
            thread.wait(http.aclose())
    finally:
        thread.stop()


def _awakeable() -> str:
    """An awakeable's id as Restate's SDKs give it out, of no invocation."""
    return Awakeable.unpack(os.urandom(24) + (17).to_bytes(4, "big"))
