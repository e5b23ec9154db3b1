"""Times in a sample, moved to now."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

#: When the samples happen: 2026-11-22T20:36:40Z.
SAMPLED = 1_795_380_000
#: What is further away than this is a version, or somebody's birthday.
_AROUND = timedelta(days=4)
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)([T ])(\d\d:\d\d:\d\d)(.*)", re.DOTALL)
_EPOCH = re.compile(r"\d{10}(?:\d{3})?")


def shifted(text: str, now: float) -> str:
    """A time that stands near the samples' moment, as far from now; any other text as it is."""
    by = int(now) - SAMPLED
    if _EPOCH.fullmatch(text):
        scale = 1 if len(text) == 10 else 1000
        near = abs(int(text) - SAMPLED * scale) < _AROUND.total_seconds() * scale
        return str(int(text) + by * scale) if near else text
    found = _MOMENT.fullmatch(text)
    if found is None:
        return text
    try:
        moment = datetime.fromisoformat(f"{found[1]}T{found[3]}").replace(tzinfo=UTC)
    except ValueError:
        return text
    # Its offset from UTC stays as it is, and is no more than a day.
    if abs(moment - datetime.fromtimestamp(SAMPLED, UTC)) > _AROUND:
        return text
    return f"{moment + timedelta(seconds=by):%Y-%m-%d{found[2]}%H:%M:%S}{found[4]}"
