"""
What a waiting handler can be told instead of an event.

All of them are `TerminalError`s: any other exception would make Restate run the handler again for ever.
"""

from __future__ import annotations

from typing import Any

from restate import TerminalError

from gateway.client.event import CallbackEvent


class CallbackRejected(TerminalError):
    """
    The provider said no, for good: a declined payment, a refused check, a rejected approval.

    `event` is what it said; its `data` has the type asked for if it fits, and is plain JSON otherwise.
    """

    def __init__(self, event: CallbackEvent[Any]) -> None:
        super().__init__(f"{event.type}: {event.reason or 'failed'} (event {event.id})", status_code=422)
        self.event = event


class CallbackTimedOut(TerminalError):
    """
    Nothing final came in time.

    `closed` tells whether the gateway knows that nobody waits any more. It is False where the gateway
    could not be reached, or refused: an event that comes within the URL's last 15 minutes is then still
    answered with success, and reaches nobody.
    """

    def __init__(self, callback_id: str, *, closed: bool) -> None:
        super().__init__(f"no final event came in time for {callback_id}", status_code=504)
        self.closed = closed


class CallbackUnreadable(TerminalError):
    """
    An event came that does not fit the type asked for.

    `event` holds it with its data as plain JSON; None where not even the envelope could be read.
    """

    def __init__(self, message: str, event: CallbackEvent[Any] | None = None) -> None:
        super().__init__(message, status_code=502)
        self.event = event


def is_cancellation(error: TerminalError) -> bool:
    """Whether Restate cancels the invocation: nothing may be made of it but passing it on."""
    # The SDK has no class for it: restate/server_context.py raises TerminalError("cancelled", 409).
    return error.status_code == 409 and error.message == "cancelled"
