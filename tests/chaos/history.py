"""
What happened in a run, as a list of records that a checker reads afterwards.

Times are seconds since the run began. A wait is one callback and what it should bring: `one` final event,
or a `stream` of numbered ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Expected:
    """A wait that was issued, and the ids of the genuine events that were sent for it, in their order."""

    wait: str
    kind: Literal["one", "stream"]
    events: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Answer:
    """
    One delivery and its answer: `status` 0 where there was none, `seconds` until it came.

    `genuine` is False for one that somebody without the secret made.
    """

    wait: str
    event: str
    status: int
    outcome: str
    seconds: float
    at: float
    genuine: bool = True


@dataclass(frozen=True, slots=True)
class Effects:
    """What the waiting side holds for a wait in the end: the ids of its events, as they took effect."""

    wait: str
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was broken on purpose."""

    kind: str
    at: float


Record = Expected | Answer | Effects | Fault
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Expected, Answer, Effects, Fault)}


@dataclass
class History:
    """The records of a run, in the order in which they were made."""

    records: list[Record] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Take in a record."""
        self.records.append(record)

    def write(self, path: Path) -> None:
        """Write one JSON object a line."""
        lines = (json.dumps({"record": type(record).__name__, **asdict(record)}) for record in self.records)
        path.write_text("".join(f"{line}\n" for line in lines))

    @classmethod
    def read(cls, lines: Iterable[str]) -> History:
        """The history that `write` wrote."""
        records = []
        for line in lines:
            values = json.loads(line)
            kind = _KINDS[values.pop("record")]
            records.append(kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}))
        return cls(records)
