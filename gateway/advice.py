"""
What to say of each of several secrets, from when they were used: which is in use, which may go.

A secret may go once another one is in use in its place and nothing can still come that was signed with it:
its sender has used another one for longer than it repeats what was not acknowledged. Where both were used
side by side for longer than a change takes, there may be two senders, of which one is quiet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

#: A sender that sends seldom, or from several machines, may change over late.
QUIET = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Use:
    """When a secret was first there, first used and last used; seconds since the epoch, None for never."""

    since: float
    first: float | None = None
    last: float | None = None

    def with_(self, other: Use) -> Use:
        """Both as one."""
        firsts = [first for first in (self.first, other.first) if first is not None]
        lasts = [last for last in (self.last, other.last) if last is not None]
        return Use(min(self.since, other.since), min(firsts, default=None), max(lasts, default=None))


@dataclass(frozen=True, slots=True)
class Advice:
    """`text` is a clause for people; `safe` says that nothing needs the secret any more."""

    text: str
    safe: bool = False


def advise(uses: Sequence[Use], repeats: float, now: float) -> list[Advice]:
    """
    Advice on each secret of one sender, which repeats what was not acknowledged for `repeats` seconds.
    """
    return [_one(one, [other for other in uses if other is not one], repeats, now) for one in uses]


def _one(one: Use, others: Sequence[Use], repeats: float, now: float) -> Advice:
    if one.last is None:
        return Advice(f"never used since it came {_ago(one.since, now)}: is it the right one?")
    used = f"last used {_ago(one.last, now)}"
    # In use after this one was: whatever is sent anew is signed with those.
    firsts = [o.first for o in others if o.first is not None and o.last is not None and o.last > one.last]
    if not firsts:
        return Advice(used)
    wait = max(repeats, QUIET)
    quiet_until = max(one.last, min(firsts)) + wait
    if now >= quiet_until and one.last - max(firsts) > wait:
        return Advice(f"{used}, another one beside it and since: does a second endpoint sign with it?")
    if now >= quiet_until:
        return Advice(f"{used}, another one since: safe to remove", safe=True)
    if now - one.last < QUIET:
        return Advice(f"still in use {_ago(one.last, now)}: keep it")
    return Advice(
        f"{used}, another one since; what was sent before may be repeated until {_moment(quiet_until)}: "
        "keep it"
    )


def _ago(at: float, now: float) -> str:
    seconds = max(now - at, 0)
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "less than a minute ago"


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
