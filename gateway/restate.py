"""
The only way out: Restate's ingress.

Resolve and reject for awakeables, `send` for handlers. Restate never says whether a completion had an
effect (restate-server 1.7.12 answers 202 to a repeat and to an invocation that is gone), so "accepted" is
all that is learnt here.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote

from gateway import clocks, envelope
from gateway.envelope import Effect
from gateway.ingress import Ingress
from gateway.secret import Secret
from gateway.targets import Awakeable, Handler, WorkflowPromise

#: An address that is not the last one may take this long before the next is tried.
_ONE_ADDRESS = 0.5
#: After so many calls in a row that reached no address …
_FAILURES_TO_OPEN = 5
#: … nothing is sent for so many seconds: what comes goes straight to the courier.
_OPEN_SECONDS = 1.0


class Answered(StrEnum):
    """What came of bringing an effect to Restate."""

    ACCEPTED = "accepted"
    #: No answer: nothing is known to be wrong with this effect.
    AWAY = "away"
    #: An answer that asks to try again.
    RETRY = "retry"
    #: Restate does not know the service or handler: a typo or a deployment gap.
    UNKNOWN = "unknown"
    #: Restate will never take it.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it, and for people a status or a kind of failure, never Restate's own text."""

    answered: Answered
    detail: str = ""


@dataclass
class Breaker:
    """Counts calls in a row that reached nobody; open for a second after five of them."""

    failures: int = 0
    open_until: float = 0.0

    def allows(self) -> bool:
        """Whether a call may be tried now."""
        return time.monotonic() >= self.open_until

    def note(self, reached: bool) -> None:
        """Take in whether Restate was reached."""
        if reached:
            self.failures, self.open_until = 0, 0.0
            return
        self.failures += 1
        if self.failures >= _FAILURES_TO_OPEN:
            self.open_until = time.monotonic() + _OPEN_SECONDS


@dataclass
class RestateClient:
    """
    Calls to Restate's ingress addresses, the one that answered last first.

    The last one gets all the time that is left, and where none answers another one is last the next time:
    so a Restate that is slow as a whole is still waited for.
    """

    ingress_urls: tuple[str, ...]
    auth_token: Secret | None = None
    #: Told of each call: the address as host and port, what was answered, the seconds that it took.
    watch: Callable[[str, Answered, float], None] | None = None
    breaker: Breaker = field(default_factory=Breaker)
    _first: int = 0

    def __post_init__(self) -> None:
        self._addresses = [Ingress(url, _ONE_ADDRESS) for url in self.ingress_urls]

    def close(self) -> None:
        """Close the connections."""
        for address in self._addresses:
            address.close()

    def clock_skew(self) -> float | None:
        """
        How far our clock is ahead of Restate's, in seconds, to a second; None where no date is known.

        By the address that answered last.
        """
        dated = self._addresses[self._first].dated
        if dated is None:
            return None
        date, seen_at = dated
        theirs = clocks.seconds(date.decode("latin-1"))
        return None if theirs is None else seen_at - theirs

    async def complete(self, effect: Effect, deadline: float, traceparent: str | None = None) -> Result:
        """
        Bring an effect to Restate, until `deadline` on `time.monotonic()`.

        `traceparent` is the gateway's own, never a provider's.

        Each address is tried once. Repeating is harmless: the first completion of an awakeable wins, and a
        `send` carries an idempotency key.
        """
        if not self.breaker.allows():
            return Result(Answered.AWAY, "not tried, Restate was away just now")
        path, headers, body = request(effect)
        if self.auth_token is not None:
            headers["authorization"] = f"Bearer {self.auth_token.reveal().decode()}"
        if traceparent is not None:
            headers["traceparent"] = traceparent
        result, reached = Result(Answered.AWAY, "no time was left"), False
        # Other calls move it meanwhile.
        first, count = self._first, len(self._addresses)
        for place in range(count):
            index = (first + place) % count
            left = deadline - time.monotonic()
            if left <= 0:
                break
            timeout = left if place == count - 1 else min(left, _ONE_ADDRESS)
            address = self._addresses[index]
            began = time.perf_counter()
            try:
                result = _judge(await address.post(path, headers, body, timeout))
            except (OSError, ValueError) as error:
                # ValueError: restate.auth_token holds what no header can.
                result = Result(Answered.AWAY, type(error).__name__)
            if self.watch is not None:
                self.watch(address.name, result.answered, time.perf_counter() - began)
            reached = reached or result.answered is not Answered.AWAY
            if result.answered not in (Answered.AWAY, Answered.RETRY):
                self._first = index
                break
        else:
            self._first = (first + 1) % count
        self.breaker.note(reached)
        return result


@lru_cache(64)
def _judge(status: int) -> Result:
    detail = f"HTTP {status}"
    if 200 <= status < 300:
        return Result(Answered.ACCEPTED, detail)
    if status == 404:
        return Result(Answered.UNKNOWN, detail)
    # 401 and 403 come from a wrong token, 3xx from something that is not Restate: ops can mend both, and
    # nothing is wrong with the effect.
    if status < 400 or status in (401, 403, 408, 425, 429) or status >= 500:
        return Result(Answered.RETRY, detail)
    return Result(Answered.REFUSED, detail)


def request(effect: Effect) -> tuple[str, dict[str, str], bytes]:
    """
    The path, headers and body of the call for an effect.

    Every segment is quoted whole: a key may hold "/" or "..". An awakeable's id has nothing to quote, its
    constructor takes no other. No header of the provider goes along:
    Restate keeps all that it is sent.
    """
    json = {"content-type": "application/json"}
    match effect.target:
        case Awakeable(id):
            if effect.rejects:
                body = effect.rejection.encode()
                return f"/restate/awakeables/{id}/reject", {"content-type": "text/plain"}, body
            return f"/restate/awakeables/{id}/resolve", json, envelope.build(effect)
        case WorkflowPromise(workflow, key, _, handler):
            segments = [workflow, key, handler]
        case Handler(service, None, handler):
            segments = [service, handler]
        case Handler(service, str(key), handler):
            segments = [service, key, handler]
    path = "/restate/send/" + "/".join(map(_quoted, segments))
    return path, json | {"idempotency-key": idempotency_key(effect)}, envelope.build(effect)


def idempotency_key(effect: Effect) -> str:
    """The same for each try of one effect, of another for every other."""
    # The event id is the provider's text: hashed, it is safe in a header whatever it holds.
    event = hashlib.sha256(f"{effect.source}\0{effect.event_id}".encode(errors="replace")).hexdigest()
    return f"{effect.callback_id}-{event[:32]}"


def _quoted(segment: str) -> str:
    return quote(segment, safe="")
