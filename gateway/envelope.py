"""
The JSON that the waiting code receives: a CloudEvents 1.0 event around the provider's own bytes.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md

A JSON body is spliced in as it came, so that no digit of it changes; anything else travels as
`data_base64`. Every other value is ours.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from pydantic_core import to_json

from gateway.rules import OnFailure, Verdict
from gateway.targets import Awakeable, Handler, Target, WorkflowPromise

#: A reason ends in exception texts and logs of the waiting code: one line of bounded length.
_MAX_REASON = 1000
#: Controls, line and paragraph separators, and halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(slots=True)
class Effect:
    """
    One event's effect on one callback: what an envelope is made of.

    `verified` is the provider's grade: "notification" where what it sends has to be asked for.
    `json` tells whether `data` is JSON text as a strict reader takes it. `sequence` numbers a stream's
    events from 1.
    """

    callback_id: str
    source: str
    provider: str
    target: Target
    on_failure: OnFailure
    verdict: Verdict
    event_id: str
    event_type: str
    type_verified: bool
    time: str
    reason: str | None
    data: bytes = field(repr=False)
    json: bool
    media_type: str
    sequence: int | None = None
    verified: Literal["signature", "notification"] = "signature"

    @property
    def rejects(self) -> bool:
        """Whether the waiting code gets an error in place of a value."""
        return self.verdict is Verdict.FAILED and self.on_failure == "reject"

    @property
    def rejection(self) -> str:
        """`<type>: <reason> (event <id>)`: the error text that a rejected handler sees."""
        start, end = f"{self.event_type}: ", f" (event {self.event_id})"
        # A long reason is cut, so that the event stays in sight.
        room = max(_MAX_REASON - len(start) - len(end), 0)
        return printable(start + (self.reason or "failed")[:room] + end)


def build(effect: Effect) -> bytes:
    """The envelope, as JSON text in UTF-8."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": printable(effect.event_id),
        "source": f"/sources/{effect.source}",
        "type": printable(effect.event_type),
        "time": effect.time,
        "subject": effect.callback_id,
        "datacontenttype": effect.media_type,
        "provider": effect.provider,
        "outcome": str(effect.verdict),
    }
    if effect.verdict is Verdict.FAILED:
        attributes["reason"] = printable(effect.reason) if effect.reason else None
    if effect.verified != "signature":
        attributes["verified"] = effect.verified
    if not effect.type_verified:
        attributes["type_verified"] = False
    match effect.target:
        case Awakeable():
            pass
        case WorkflowPromise(promise=promise):
            attributes["promise"] = promise
            if effect.rejects:
                attributes["reject"] = effect.rejection
        case Handler():
            attributes["sequence"] = effect.sequence
    head = to_json(attributes)
    if effect.json:
        return b'%b,"data":%b}' % (head[:-1], effect.data)
    return b'%b,"data_base64":"%b"}' % (head[:-1], base64.b64encode(effect.data))


def printable(text: str) -> str:
    """One line of at most 1,000 characters, without controls."""
    # Nothing is stripped: an id of the provider's stays what it is, and never becomes empty. Python's
    # `isprintable` knows more that can't be printed, and most texts can.
    return (text if text.isprintable() else _UNPRINTABLE.sub(" ", text))[:_MAX_REASON]


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC, to the second where it is whole, to the millisecond otherwise."""
    moment, ms = divmod(round(seconds * 1_000_000) // 1000, 1000)
    return f"{_second(moment)}.{ms:03d}Z" if ms else f"{_second(moment)}Z"


@lru_cache(4)
def _second(seconds: int) -> str:
    # Made once for all that comes within it.
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
