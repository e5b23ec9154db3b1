"""One of several processes that serve as one gateway."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass

from gateway.listening import Sockets

#: A stop takes ten seconds; one that hangs has no more.
_STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Worker:
    """
    Its number, from 1, and its sockets.

    `report` is the end of a pipe on which it tells its parent that it serves, `parent` that of one which
    says nothing until the parent is gone.
    """

    number: int
    sockets: Sockets
    report: int
    parent: int

    def sound(self) -> None:
        """Tell the parent that nothing is wrong with the configuration."""
        os.write(self.report, b".")

    def end_with_parent(self) -> None:
        """
        From now on stop as at SIGTERM once the parent is gone, however it went.

        In a thread, and with an end by force: it must not depend on an event loop that hangs.
        """
        threading.Thread(target=self._outlive_nobody, name="parent", daemon=True).start()

    def _outlive_nobody(self) -> None:
        os.read(self.parent, 1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_STOP_SECONDS)
        os._exit(1)
