"""A rate, and the token bucket that keeps it: so many at once, and so many in a time from then on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_FORM = re.compile(r"([1-9]\d{0,8})\s*/\s*([smh])")


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` in `seconds`."""

    count: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """The rate that `"100/m"` says; raises `ValueError` with what would be right."""
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise ValueError('a rate such as "10/s", "100/m" or "5000/h" is needed')
        return cls(int(found[1]), _SECONDS[found[2]])


@dataclass(slots=True)
class Bucket:
    """
    Lets a rate through, and as many at once as the rate says in all. `now` is in seconds of any clock that
    does not go back.
    """

    rate: Rate
    _left: float = field(init=False)
    _at: float = field(init=False, default=float("-inf"))

    def __post_init__(self) -> None:
        self._left = self.rate.count

    def take(self, now: float) -> float:
        """Take one; the seconds until there is one, 0 where it was taken."""
        speed = self.rate.count / self.rate.seconds
        self._left = min(self.rate.count, self._left + max(now - self._at, 0) * speed)
        self._at = now
        if self._left < 1:
            return (1 - self._left) / speed
        self._left -= 1
        return 0.0

    def give_back(self) -> None:
        """Put one back that was taken in vain."""
        self._left += 1


@dataclass(slots=True)
class Buckets:
    """A bucket for each name, new where its rate has changed."""

    _by_name: dict[str, Bucket] = field(default_factory=dict)

    def of(self, name: str, rate: Rate) -> Bucket:
        """The bucket with a name."""
        found = self._by_name.get(name)
        if found is None or found.rate != rate:
            found = self._by_name[name] = Bucket(rate)
        return found
