"""How often something may happen: so many a minute for each key, in a burst or evenly."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable

_WINDOW = 60.0
#: A few MB. Past it the key that was counted longest ago is forgotten.
_MAX_KEYS = 20_000


class Rate:
    """
    A token bucket for each key, as one number: when it will be full again.

    Times are seconds of a monotonic clock.
    """

    def __init__(self, per_minute: int, max_keys: int = _MAX_KEYS) -> None:
        self._interval = _WINDOW / per_minute
        self._max_keys = max_keys
        # The one counted longest ago is found at once, which in a dict takes longer the more were before it.
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def count(self, key: Hashable, now: float) -> None:
        """Something happened. What is beyond the rate makes the wait longer, up to a minute."""
        full_at = max(self._full_at.pop(key, now), now) + self._interval
        if len(self._full_at) >= self._max_keys:
            self._full_at.popitem(last=False)
        self._full_at[key] = min(full_at, now + 2 * _WINDOW)

    def wait(self, key: Hashable, now: float) -> int:
        """The whole seconds until the next may happen; 0 where it may now."""
        full_at = self._full_at.get(key)
        if full_at is None:
            return 0
        beyond = full_at + self._interval - now - _WINDOW
        # Sums of fractions of a second are not exact.
        return math.ceil(beyond) if beyond > self._interval / 1000 else 0
