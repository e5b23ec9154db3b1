"""A callback that one event completes, and the approval, its form for people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Generic, Literal, TypedDict

from pydantic import BaseModel, Field
from restate import Context, RestateDurableFuture, TerminalError

from gateway.client.api import GatewayApi
from gateway.client.event import CallbackEvent, Data
from gateway.client.wait import Wait


class Issued(BaseModel):
    """What the gateway answers, and the journal keeps. The URLs are there by design, and in no `repr`."""

    id: str
    url: str | None = Field(default=None, repr=False)
    account_url: str = ""
    reference: str = Field(default="", repr=False)
    urls: dict[str, str] = Field(default_factory=dict, repr=False)


class Addressed(Wait[Data], Generic[Data]):
    """A callback with an address to give to a provider."""

    def __init__(
        self,
        ctx: Context,
        gateway: GatewayApi,
        name: str,
        issued: Issued,
        timeout: timedelta,
        model: type[Data] | None,
    ) -> None:
        super().__init__(ctx, gateway, name, issued.id, timeout, model)
        self._url = issued.url
        #: The one URL that is registered at a provider with one URL per account.
        self.account_url = issued.account_url
        #: 20 characters for a field of the provider's own, where it has one URL per account.
        self.reference = issued.reference

    @property
    def url(self) -> str:
        """The callback's own URL; raises `TerminalError` where its source has only one URL per account."""
        if self._url is None:
            raise TerminalError(
                "this source has one URL per account: register `account_url` at the provider once, and give "
                "it `reference`, or call `alias` with the id of the provider's object"
            )
        return self._url

    async def alias(self, text: str) -> None:
        """Say which object of the provider's (`pi_123`) this is about; it may be after its event."""

        async def alias() -> None:
            await self._gateway.alias(self.id, text)

        await self._ctx.run_typed(f"{self._name}: alias", alias)


class Callback(Addressed[Data], Generic[Data]):
    """A callback that one final event completes."""

    def __init__(
        self,
        ctx: Context,
        gateway: GatewayApi,
        name: str,
        issued: Issued,
        timeout: timedelta,
        model: type[Data] | None,
        future: RestateDurableFuture[bytes],
    ) -> None:
        super().__init__(ctx, gateway, name, issued, timeout, model)
        self._future = future

    async def result(self) -> CallbackEvent[Data]:
        """
        Wait for the event, suspended.

        Raises `CallbackRejected` where the provider said no, `CallbackTimedOut` where nothing came in time
        (after 30 seconds more where the gateway cannot be told so), and `CallbackUnreadable` for what does
        not fit. An event that came just before the deadline is waited for and returned.
        """
        return await self._next(self._future)


class Action(TypedDict):
    """One button of an approval page; `outcome` says whether `result` returns or raises."""

    name: str
    label: str
    outcome: Literal["succeed", "fail"]


class Decision(BaseModel):
    """What a person decided: the action's name, who, and what they wrote."""

    action: str
    recipient: str
    comment: str | None = None


class Approval(Wait[Decision]):
    """A question to people: each recipient has a link of their own, the first answer counts."""

    def __init__(
        self,
        ctx: Context,
        gateway: GatewayApi,
        name: str,
        issued: Issued,
        timeout: timedelta,
        future: RestateDurableFuture[bytes],
    ) -> None:
        super().__init__(ctx, gateway, name, issued.id, timeout, Decision)
        self._urls: Mapping[str, str] = issued.urls
        self._future = future

    def url(self, recipient: str) -> str:
        """The recipient's own link: whoever opens it answers as this recipient."""
        try:
            return self._urls[recipient]
        except KeyError:
            raise TerminalError(f"{recipient} is not a recipient of this approval") from None

    async def result(self) -> CallbackEvent[Decision]:
        """Wait for the decision; raises as `Callback.result` does, `CallbackRejected` for a no."""
        return await self._next(self._future)
