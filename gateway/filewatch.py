"""Files that may change while the gateway runs: when they have, and when they are written to the end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable

#: What is changed is taken up within two seconds; looking costs one `stat` a file.
_LOOK_EVERY = 0.5

_Look = tuple[int, ...] | None


class FileWatch:
    """
    Says which of some files have changed since they were last taken up.

    A file counts as changed once two looks in a row find it the same, so that one that is being rewritten is
    left alone. Links are followed: a mounted secret that is swapped behind them is another file.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._taken: dict[str, _Look] = {path: _look(path) for path in paths}
        self._last = dict(self._taken)

    def changed(self) -> list[str]:
        """The files to read again; each is named once for each change. A missing one has changed too."""
        looks = {path: _look(path) for path in self._taken}
        settled = [path for path, look in looks.items() if look == self._last[path] != self._taken[path]]
        self._last = looks
        for path in settled:
            self._taken[path] = looks[path]
        return settled


async def keep_looking(refresh: Callable[[], None]) -> None:
    """Have what has changed taken up, until cancelled."""
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        refresh()


def _look(path: str) -> _Look:
    try:
        found = os.stat(path)
    except OSError:
        return None
    # A mode that is mended counts as well; the clock of a file system may stand still for 4 ms.
    return found.st_dev, found.st_ino, found.st_size, found.st_ctime_ns, found.st_mode
