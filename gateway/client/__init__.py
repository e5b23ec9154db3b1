"""
Callbacks for the handlers of a Restate service: ask for a URL, give it away, await one typed event.

    callbacks = Callbacks.from_env()

    callback = await callbacks.create(ctx, source="acmepay", timeout=timedelta(hours=1), data=Payment)
    await ctx.run_typed("pay", pay, RunOptions(), callback.url)
    event = await callback.result()

Needs neither the gateway's server parts nor their packages.
"""

from gateway.client.callback import Action, Approval, Callback, Decision
from gateway.client.callbacks import Callbacks
from gateway.client.errors import CallbackRejected, CallbackTimedOut, CallbackUnreadable
from gateway.client.event import CallbackEvent
from gateway.client.stream import Stream

__all__ = [
    "Action",
    "Approval",
    "Callback",
    "CallbackEvent",
    "CallbackRejected",
    "CallbackTimedOut",
    "CallbackUnreadable",
    "Callbacks",
    "Decision",
    "Stream",
]
