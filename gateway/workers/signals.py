"""Signals as something to wait for, in a process without an event loop."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Self

TAKEN = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)


class Signals:
    """While it is entered, `TAKEN` interrupt nothing: they are there when `wait` is called."""

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        for end in (self._read, self._write):
            os.set_blocking(end, False)
        self._before = {number: signal.signal(number, _noted) for number in TAKEN}
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(self, *error: type[BaseException] | BaseException | TracebackType | None) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._close()

    def wait(self, files: Sequence[int], seconds: float | None) -> tuple[set[int], list[int]]:
        """The signals that have come and the files that can be read, once there is one of either."""
        readable, _, _ = select.select([self._read, *files], [], [], seconds)
        came = set(os.read(self._read, 4096)) if self._read in readable else set()
        return came, [file for file in files if file in readable]

    def forget(self) -> None:
        """In a process that was just forked: do by default again what signals do."""
        signal.set_wakeup_fd(-1)
        for number in TAKEN:
            signal.signal(number, signal.SIG_DFL)
        self._close()

    def _close(self) -> None:
        os.close(self._read)
        os.close(self._write)


def _noted(number: int, frame: FrameType | None) -> None:
    """Its number is in the pipe by now."""
