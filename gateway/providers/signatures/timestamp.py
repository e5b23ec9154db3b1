"""When a delivery was signed, and how long that counts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from gateway import strict_json
from gateway.delivery import Delivery
from gateway.errors import Malformed, Stale, Unverified
from gateway.providers.signatures.template import Field, Header, Message

_SCALE = {"s": 1, "ms": 1000}
#: Milliseconds until the year 33658: no integer here is costly to read.
_MAX_DIGITS = 15
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class BodyTime:
    """A number in a JSON body, at a path of object keys: signed where the body is."""

    path: tuple[str, ...]

    def render(self, message: Message) -> bytes:
        """The number; `Unverified` where there is none."""
        try:
            value = strict_json.get(strict_json.read(message.delivery.body), self.path)
        except Malformed as error:
            raise Unverified(f"there is no time to check: {error.detail}") from None
        if not isinstance(value, int) or isinstance(value, bool):
            raise Unverified(f"{'.'.join(self.path)} is not a whole number")
        return str(value).encode()

    def write(self, delivery: Delivery, text: str) -> Delivery:
        """The delivery with a time in its body; its JSON is written anew."""
        value: Any = json.loads(delivery.body)
        place = value
        for key in self.path[:-1]:
            place = place[key]
        place[self.path[-1]] = int(text) if text.isascii() and text.isdigit() else text
        return replace(delivery, body=json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


@dataclass(frozen=True, kw_only=True, slots=True)
class Timestamp:
    """
    Where the time of signing stands, and its tolerance in seconds, both ends included.

    300 s is what Stripe, Slack and the Standard Webhooks libraries allow. The future counts as well:
    a signature that is good for long is a signature that can be kept. "s or ms" is told by its length.
    """

    source: Header | Field | BodyTime
    unit: Literal["s", "ms", "s or ms", "RFC 3339"] = "s"
    past: int = 300
    future: int = 300

    def check(self, message: Message, now: float) -> None:
        """Raise `Unverified` for a time that is not of the unit, `Stale` for one too far from now."""
        self.judge(self.source.render(message).decode(), now)

    def judge(self, text: str, now: float) -> None:
        """Raise `Unverified` for a text that is no time of the unit, `Stale` for one too far from now."""
        seconds = self._moment(text) if self.unit == "RFC 3339" else self._number(text)
        if seconds < now - self.past:
            raise Stale("the timestamp is too old")
        if seconds > now + self.future:
            raise Stale("the timestamp is too far in the future")

    def _number(self, text: str) -> float:
        # int() would take signs, underscores, spaces and foreign digits.
        if not (text.isascii() and text.isdigit()) or len(text) > _MAX_DIGITS:
            raise Unverified("the timestamp is not a plain number")
        return int(text) / (_SCALE[self.unit] if self.unit in _SCALE else _scale(text))

    def _moment(self, text: str) -> float:
        try:
            if _RFC3339.fullmatch(text):
                return datetime.fromisoformat(text).timestamp()
        except ValueError:
            pass  # The 30th of February.
        raise Unverified("the timestamp is not a date and time of RFC 3339")

    def text(self, now: float) -> str:
        """Now, as it is written."""
        if self.unit == "RFC 3339":
            return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return str(int(now * _SCALE.get(self.unit, 1)))


def _scale(text: str) -> int:
    # Eleven digits are the year 5138 in seconds and 1973 in milliseconds.
    return 1 if len(text) <= 11 else 1000
