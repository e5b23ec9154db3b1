"""What a process and its children have used so far, from /proc: Linux only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu` in seconds, `peak` of resident memory in bytes; of all processes together."""

    cpu: float
    peak: int


def usage(pid: int) -> Usage:
    """The usage of a process and of all that it has started and that still runs."""
    family = [pid, *_descendants(pid)]
    return Usage(sum(map(_cpu, family)), sum(map(_peak, family)))


def resident(pid: int) -> int:
    """The resident memory of a process now, in bytes."""
    return _status(pid, "VmRSS")


def anonymous(pid: int) -> int:
    """What of it no file backs, in bytes: libraries are shared by all processes that run them."""
    return _status(pid, "RssAnon")


def cpu_seconds(pid: int) -> float:
    """The CPU seconds that the threads of a process have used, to the microsecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _cpu(pid: int) -> float:
    # The name, in parentheses, may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _peak(pid: int) -> int:
    return _status(pid, "VmHWM")


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def _descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found
