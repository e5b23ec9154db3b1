"""
The parent of several workers: it starts them, replaces those that die, and ends when all have ended.

It serves nothing and runs no threads, so that it can fork at any time: a worker is there in a moment, on the
settings that were checked at the start, and shares the memory of what is imported.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from gateway.errors import ConfigurationError
from gateway.listening import Sockets, bind
from gateway.log import logger
from gateway.settings import Listen
from gateway.workers.signals import TAKEN, Signals
from gateway.workers.worker import Worker

#: A stop may take ten seconds in all; a worker needs less unless it hangs.
_STOP_SECONDS = 9.5
#: Before a worker that died is replaced; twice as long each time, unless it had lived long enough.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0
_LONG_LIFE = 60.0


@dataclass
class _Place:
    """A worker's place: who is in it, since when, and when the next one is due."""

    number: int
    sockets: Sockets | None
    pid: int | None = None
    since: float = 0.0
    due: float = 0.0
    failures: int = 0

    def pause(self) -> float:
        """Note that who was in it has died; how long the place stays empty."""
        now = time.monotonic()
        self.failures = 1 if now - self.since > _LONG_LIFE else self.failures + 1
        pause = min(_FIRST_PAUSE * 2.0 ** (self.failures - 1), _LONGEST_PAUSE)
        self.pid, self.due = None, now + pause
        return pause


class Supervisor:
    """
    `work` is what a worker does until SIGTERM, in a process of its own; it calls the worker's `sound` once.

    What has not ended `patience` seconds after a SIGTERM is ended by force.
    """

    def __init__(
        self, listen: Listen, work: Callable[[Worker], None], patience: float = _STOP_SECONDS
    ) -> None:
        self._listen = listen
        self._work = work
        self._stop_seconds = patience
        self._signals = Signals()
        # Workers hold the reading end of one, and this process alone the writing end: it closes with it.
        self._parent, self._alive = os.pipe()
        self._reports, self._report = os.pipe()
        self._places: list[_Place] = []
        self._sound = False
        self._stop_by: float | None = None
        self._code = 0

    def run(self) -> int:
        """
        Serve until SIGTERM or SIGINT; the exit code.

        Raises `ConfigurationError` where an address can't be had. What else is wrong the first worker finds
        and says, and only then come the others.
        """
        # A socket that shares its port is refused by nobody else who shares: so once without.
        bind("listen.public", self._listen.public).close()
        numbers = range(1, self._listen.workers + 1)
        self._places = [_Place(number, Sockets.bound(self._listen, number)) for number in numbers]
        # What is imported by now is shared with the workers, as long as their collectors leave it alone.
        gc.collect()
        gc.freeze()
        with self._signals:
            self._start(self._places[0])
            while self._continues():
                came, reported = self._signals.wait([self._reports], self._seconds_left())
                if reported:
                    os.read(self._reports, 4096)
                    self._sound = True
                if came & {signal.SIGTERM, signal.SIGINT} and self._stop_by is None:
                    self._stop_by = time.monotonic() + self._stop_seconds
                    self._tell(signal.SIGTERM)
                self._bury()
                if self._stop_by is None:
                    self._replace()
                elif time.monotonic() > self._stop_by:
                    self._tell(signal.SIGKILL)
        return self._code

    def _continues(self) -> bool:
        serving = self._sound and self._stop_by is None
        return serving or any(place.pid is not None for place in self._places)

    def _seconds_left(self) -> float | None:
        """Seconds until there is something to do without being told."""
        if self._stop_by is not None:
            return max(self._stop_by - time.monotonic(), 0.01)
        due = [place.due for place in self._places if self._sound and place.pid is None]
        return max(min(due) - time.monotonic(), 0.0) if due else None

    def _tell(self, number: signal.Signals) -> None:
        for place in self._places:
            if place.pid is not None:
                os.kill(place.pid, number)

    def _bury(self) -> None:
        """Note who has ended, and what that means."""
        for place in self._places:
            ended, status = os.waitpid(place.pid, os.WNOHANG) if place.pid is not None else (0, 0)
            if not ended:
                continue
            code = os.waitstatus_to_exitcode(status)
            if self._stop_by is None and self._sound:
                self._leave(place, "a worker ended, another one takes its place", code=code)
                continue
            place.pid = None
            if self._stop_by is None:
                self._code = max(code, 1)  # it has said why
            elif code not in (0, -signal.SIGTERM):
                self._code = 1

    def _replace(self) -> None:
        """Fill the places that are due."""
        for place in self._places:
            if self._sound and place.pid is None and time.monotonic() >= place.due:
                try:
                    self._start(place)
                except (ConfigurationError, OSError) as error:
                    self._leave(place, "a worker can't be started", reason=str(error))

    def _leave(self, place: _Place, event: str, **more: object) -> None:
        logger.error(event, worker=place.number, **more, pause=place.pause())

    def _start(self, place: _Place) -> None:
        # Bound here and closed here: what a worker listens on ends with it, and others get what comes.
        sockets, place.sockets = place.sockets or Sockets.bound(self._listen, place.number), None
        # A signal that comes before the new process knows that it is one would be told to this one.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, TAKEN)
        try:
            pid = os.fork()
            if pid == 0:
                self._become(Worker(place.number, sockets, self._report, self._parent), before)
            place.pid, place.since = pid, time.monotonic()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            sockets.close()

    def _become(self, worker: Worker, mask: set[int | signal.Signals]) -> NoReturn:
        """In the new process: be a worker, to the end."""
        code = 1
        try:
            self._signals.forget()
            os.close(self._alive)
            os.close(self._reports)
            for place in self._places:
                if place.sockets is not None:
                    place.sockets.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            worker.end_with_parent()
            self._work(worker)
            code = 0
        except ConfigurationError as error:
            sys.stderr.write(f"gateway: {error}\n")
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
