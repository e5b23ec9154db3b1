"""
Waiting for an event beside a deadline, and what follows when the deadline comes first.

Suspension unwinds through the handler as an exception, so nothing here closes anything in `finally`, and
only `TerminalError` is caught.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Generic

import restate
from restate import Context, RestateDurableFuture, RunOptions, TerminalError

from gateway.client.api import GatewayApi
from gateway.client.errors import CallbackRejected, CallbackTimedOut, CallbackUnreadable, is_cancellation
from gateway.client.event import CallbackEvent, Data, decode


class Wait(Generic[Data]):
    """
    One callback of the running handler: the `id` it has at the gateway, its deadline, and how to close it.

    The deadline starts when the callback is issued, as the URL's own time does.
    """

    def __init__(
        self,
        ctx: Context,
        gateway: GatewayApi,
        name: str,
        callback_id: str,
        timeout: timedelta,
        model: type[Data] | None,
    ) -> None:
        self.id = callback_id
        self._ctx = ctx
        self._gateway = gateway
        self._name = name
        self._model = model
        self._deadline = ctx.sleep(timeout, f"{name}: timeout")
        self._won = False

    async def close(self) -> bool:
        """
        Tell the gateway that nobody waits any more, for a handler that gives up before its deadline.

        Returns False where an event came first: its value is on its way, and waiting goes on for it. Raises
        `TerminalError` where the gateway refuses, or is not reached within 30 seconds.
        """

        async def close() -> bool:
            return await self._gateway.close(self.id)

        self._won = not await self._ctx.run_typed(
            f"{self._name}: close", close, RunOptions(max_duration=self._gateway.close_within)
        )
        return not self._won

    async def _next(self, future: RestateDurableFuture[bytes]) -> CallbackEvent[Data]:
        """The event that `future` brings; raises what `result` says."""
        if not self._won:
            match await restate.select(event=future, timeout=self._deadline):
                case ["timeout", _]:
                    await self._time_out()
        return self._accept(await future)

    async def _time_out(self) -> None:
        try:
            closed = await self.close()
        except TerminalError as error:
            if is_cancellation(error):
                raise
            raise CallbackTimedOut(self.id, closed=False) from error
        if closed:
            raise CallbackTimedOut(self.id, closed=True)

    def _accept(self, envelope: bytes) -> CallbackEvent[Data]:
        try:
            event = decode(envelope, self._model)
        except ValueError as error:
            try:
                untyped = decode(envelope, None)
            except ValueError:
                raise CallbackUnreadable(
                    f"the value that came for {self.id} is unreadable: {error}"
                ) from None
            if untyped.outcome == "failed":
                # A refusal often looks different from a success: it stays a refusal.
                raise CallbackRejected(untyped) from None
            raise CallbackUnreadable(
                f"the event {untyped.id} ({untyped.type}) for {self.id} does not fit: {error}", untyped
            ) from None
        if event.outcome == "failed":
            raise CallbackRejected(event)
        return event
