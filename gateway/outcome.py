"""The closed lists of design words: what became of an event, and where a callback stands."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of one event."""

    COMPLETED = "completed"
    PENDING = "pending"
    PROGRESS = "progress"
    FILTERED = "filtered"
    DUPLICATE = "duplicate"
    LATE = "late"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNMATCHED = "unmatched"
    UNVERIFIED = "unverified"
    MALFORMED = "malformed"
    CHALLENGE = "challenge"
    DEAD = "dead"


class State(StrEnum):
    """Where a callback stands. Only `open` can change into another one."""

    OPEN = "open"
    COMPLETED = "completed"
    FAILED = "failed"
    CLOSED = "closed"
    REVOKED = "revoked"
    EXPIRED = "expired"
