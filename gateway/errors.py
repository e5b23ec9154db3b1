"""
The gateway's errors: each class carries the HTTP status and the stable code it is answered with.

Routes raise them and never choose a status; `gateway.problem` renders them as RFC 9457 problems.
"""

from __future__ import annotations

import math
from typing import ClassVar


class GatewayError(Exception):
    """
    An error with an HTTP status, a stable machine-readable code, and a text for people.

    The text must hold no token, secret, signature, awakeable id or invocation id.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "The gateway failed"
    #: Seconds until a retry makes sense, sent as `Retry-After`.
    retry_after: int | None = None

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail


class NotAuthentic(GatewayError):
    """A token that is not authentic, or a path that does not exist: always the same answer."""

    status, code, title = 404, "not_found", "Not found"


class NotFound(GatewayError):
    """Something that an authenticated caller asked for by its id and that does not exist."""

    status, code, title = 404, "not_found", "Not found"


class Unverified(GatewayError):
    """The provider's signature is missing, wrong, ambiguous or stale."""

    status, code, title = 401, "unverified", "The webhook's signature was not accepted"


class Stale(Unverified):
    """Signed, and at another time than now: too long ago, or in the future."""


class Malformed(GatewayError):
    """Authentic, but not readable as what the provider is declared to send."""

    status, code, title = 400, "malformed", "The webhook could not be read"


class MethodNotAllowed(GatewayError):
    """A method that a path does not take; `allowed` are those that it takes, for the header `Allow`."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"

    def __init__(self, allowed: str) -> None:
        super().__init__()
        self.allowed = allowed


class BodyTooSlow(GatewayError):
    status, code, title = 408, "body_too_slow", "The body did not arrive in time"


class BodyTooLarge(GatewayError):
    status, code, title = 413, "body_too_large", "The body is too large"


class UnsupportedContent(GatewayError):
    """A content type or content encoding that this source does not take."""

    status, code, title = 415, "unsupported_content", "This content type or encoding is not taken here"


class HeadersTooLarge(GatewayError):
    status, code, title = 431, "headers_too_large", "The headers are too large"


class RateLimited(GatewayError):
    """More than is taken in a minute; `retry_after` says when the next is."""

    status, code, title = 429, "rate_limited", "Too many requests"

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class TryLater(GatewayError):
    """It cannot be taken durably, or not be verified, now: nothing was acknowledged, nothing is lost."""

    status, code, title = 503, "try_later", "The gateway cannot take this right now"
    retry_after = 5


class Overloaded(TryLater):
    """More requests at a time than are taken."""

    code, title = "overloaded", "The gateway has too much to do right now"


class Unauthorized(GatewayError):
    """The internal API's bearer token is missing or unknown."""

    status, code, title = 401, "unauthorized", "A client's bearer token is needed"


class Forbidden(GatewayError):
    """A known client asked for what it is not allowed."""

    status, code, title = 403, "forbidden", "This client may not do that"


class IssuingTooFast(GatewayError):
    """A client issues faster than its rate; `seconds` until it may again."""

    status, code, title = 429, "issuing_too_fast", "This client issues faster than it may"

    def __init__(self, detail: str, seconds: float) -> None:
        super().__init__(detail)
        self.retry_after = math.ceil(seconds)


class TooManyOpen(GatewayError):
    """A client has as many open callbacks as it may: one of them has to end first."""

    status, code, title = 429, "too_many_open", "This client has too many open callbacks"
    retry_after = 30


class Invalid(GatewayError):
    """A request to the internal API that is understood and cannot be granted."""

    status, code, title = 422, "invalid", "The request is not valid"


class Conflict(GatewayError):
    """The callback's state does not allow it (any more)."""

    status, code, title = 409, "conflict", "The callback's state does not allow this"


class NotReplayable(Conflict):
    """A delivery that cannot be done again: what it takes is gone."""

    code, title = "not_replayable", "This delivery cannot be replayed"


class Completing(Conflict):
    """Closing came second: an event has won the callback and its value is on its way."""

    code, title = "completing", "An event already completes this callback"


class ConfigurationError(Exception):
    """A setting that is wrong: says which one, what is wrong, and what would be right."""
