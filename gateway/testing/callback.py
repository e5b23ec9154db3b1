"""One callback, as a test looks at it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import ConfigurationError
from gateway.targets import Awakeable, Target
from gateway.testing.api import Api
from gateway.testing.fake_restate import FakeRestate, Received

#: Between two looks at what is waited for.
_LOOK_EVERY = 0.02


@dataclass(frozen=True)
class Callback:
    """
    A callback that was issued, whoever asked for it.

    `url` is its own URL, None where its source has one for the account, `account_url`; `reference` is what
    the provider's events name it by then. What is read from it is asked of the gateway each time.
    """

    id: str
    source: str
    url: str | None = field(repr=False)
    account_url: str
    reference: str
    _target: Target = field(repr=False)
    _api: Api = field(repr=False)
    _fake: FakeRestate | None = field(repr=False)

    @property
    def state(self) -> str:
        """`open`, `completed`, `failed`, `closed`, `revoked` or `expired`."""
        return str(self._shown()["state"])

    @property
    def outcomes(self) -> list[str]:
        """What became of each event that came for it, oldest first: `completed`, `duplicate`, …"""
        return _outcomes(self._shown())

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that came for it, as `GET /v1/callbacks/{id}` lists them: `type`, `conflict`, …"""
        found: list[dict[str, Any]] = self._shown()["deliveries"]
        return found

    @property
    def received(self) -> list[Received]:
        """
        What its waiting code has got so far; of a stream, every event.

        `ConfigurationError` where Restate is not faked: the code that waits has it, then.
        """
        if self._fake is None:
            raise ConfigurationError(
                "received: Restate is not faked here, so the handler that waits is the one that knows; "
                "ask for its result (GET /restate/invocation/ID/attach at the ingress)"
            )
        if isinstance(self._target, Awakeable):
            return [one for one in self._fake.received if one.to == self._target.id]
        sent = [one for one in self._fake.received if one.how == "send"]
        return [one for one in sent if one.value.get("subject") == self.id]

    async def until(self, outcome: str, within: float = 10.0) -> None:
        """Return once an event of it has come to an outcome; AssertionError after so many seconds."""
        deadline = time.monotonic() + within
        while outcome not in (found := _outcomes(await self._api.result("GET", self._path))):
            assert time.monotonic() < deadline, f"no {outcome} within {within:g} s: the outcomes are {found}"
            await asyncio.sleep(_LOOK_EVERY)

    async def alias(self, text: str) -> None:
        """Say which object of the provider's (`pi_123`) it is about, as a handler's `callback.alias` does."""
        await self._api.result("POST", f"{self._path}/aliases", {"alias": text})

    @property
    def _path(self) -> str:
        return f"/v1/callbacks/{self.id}"

    def _shown(self) -> dict[str, Any]:
        return self._api.wait("GET", self._path)


def _outcomes(shown: dict[str, Any]) -> list[str]:
    return [event["outcome"] for event in shown["deliveries"]]
