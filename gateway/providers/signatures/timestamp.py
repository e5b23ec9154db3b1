"""When a delivery was signed, and how long that counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gateway.errors import Unverified
from gateway.providers.signatures.template import Field, Header, Message

_SCALE = {"s": 1, "ms": 1000}
#: Milliseconds until the year 33658: no integer here is costly to read.
_MAX_DIGITS = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class Timestamp:
    """
    Where the time of signing stands, and its tolerance in seconds, both ends included.

    300 s is what Stripe, Slack and the Standard Webhooks libraries allow. The future counts as well:
    a signature that is good for long is a signature that can be kept.
    """

    source: Header | Field
    unit: Literal["s", "ms"] = "s"
    past: int = 300
    future: int = 300

    def check(self, message: Message, now: float) -> None:
        """Raise `Unverified` for a time that is no plain number, or too far from now."""
        text = self.source.render(message)
        # int() would take signs, underscores, spaces and foreign digits.
        if not text.isdigit() or len(text) > _MAX_DIGITS:
            raise Unverified("the timestamp is not a plain number")
        seconds = int(text) / _SCALE[self.unit]
        if seconds < now - self.past:
            raise Unverified("the timestamp is too old")
        if seconds > now + self.future:
            raise Unverified("the timestamp is too far in the future")

    def text(self, now: float) -> str:
        """Now, as it is written."""
        return str(int(now * _SCALE[self.unit]))
