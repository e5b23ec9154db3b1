"""Clocks of several machines: compared by the `Date` headers of their answers (RFC 9110, 6.6.1)."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

#: Seconds. Most providers' signed times are taken if they are five minutes off, some after one.
MAX_SKEW = 60


def seconds(date: str | None) -> float | None:
    """A `Date` header as seconds since the epoch; None for what is none."""
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None
