"""What a process holds."""

from __future__ import annotations

import os
import re
from pathlib import Path


def resident(pid: int | None) -> float:
    """The memory that a process holds now, in MiB."""
    return _status(pid, "VmRSS")


def highest(pid: int | None) -> float:
    """The most that it has ever held, in MiB."""
    return _status(pid, "VmHWM")


def files(pid: int | None) -> int:
    """How many files and sockets it has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def _status(pid: int | None, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) / 1024
