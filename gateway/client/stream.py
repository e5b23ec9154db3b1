"""A callback for a provider that reports progress: many events, in order, on one URL."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from typing import Any, Generic, TypeVar

from restate import Context, RunOptions, TerminalError
from restate.serde import BytesSerde

from gateway.client.api import GatewayApi
from gateway.client.callback import Addressed, Issued
from gateway.client.event import CallbackEvent, Data
from gateway.client.inbox import ASK

Answer = TypeVar("Answer")


class Stream(Addressed[Data], Generic[Data]):
    """A callback that takes every event that its source does not refuse."""

    def __init__(
        self,
        ctx: Context,
        gateway: GatewayApi,
        name: str,
        issued: Issued,
        timeout: timedelta,
        model: type[Data] | None,
        inbox: tuple[str, str],
    ) -> None:
        super().__init__(ctx, gateway, name, issued, timeout, model)
        self._inbox, self._key = inbox
        self._over = False

    async def events(self) -> AsyncIterator[CallbackEvent[Data]]:
        """
        The events, each once and in order, those that came before anybody asked included.

        Ends after an event that succeeds and after `close`; raises `CallbackRejected` for one that fails,
        `CallbackTimedOut` at the deadline and `CallbackUnreadable` as `Callback.result` does.
        """
        while not self._over:
            awakeable, future = self._ctx.awakeable(serde=BytesSerde())
            self._ctx.generic_send(self._inbox, ASK, json.dumps(awakeable).encode(), key=self._key)
            # Whatever comes, an error included, is the last; unless it is progress.
            self._over = True
            event = await self._next(future)
            self._over = event.outcome != "progress"
            yield event

    async def close(self) -> bool:
        """
        Want no more events; ends `events`.

        Returns False where a final event came first: `events` then goes on until that one.
        """
        self._over = await super().close()
        return self._over

    async def result(
        self, confirm: Callable[[CallbackEvent[Data]], Coroutine[Any, Any, Answer | None]]
    ) -> Answer:
        """
        For a provider whose notification proves little: each one wakes the handler, and `confirm` asks the
        provider, in a `run`. Its first answer that is not None is returned, and the callback closed.

        `confirm` returns what a journal can hold: a Pydantic model (annotated, so that it can be read back)
        or plain JSON. Raises as `events` does, and `TerminalError` where even the final event is not
        confirmed: `succeed_on=[]` lets no event be final.
        """

        async for event in self.events():
            answer = await self._ctx.run_typed(
                f"{self._name}: confirm {event.sequence}", confirm, RunOptions(), event
            )
            if answer is not None:
                await self.close()
                return answer
        raise TerminalError(f"no notification for {self.id} was confirmed, not even the final one")
