"""Genuine requests that go on while something is changed, each answer noted."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Self

import httpx


class Traffic:
    """
    Sends what `send` sends, again and again from some threads, until it ends.

    `answers` counts what it was answered: accepted, a refusal's words, or the kind of failure. A 503, with
    which a ledger on a busy disk puts off whoever asks, is asked again, as providers and clients do.
    """

    def __init__(self, send: Callable[[int], httpx.Response], threads: int = 2) -> None:
        self.answers: Counter[str] = Counter()
        self._send = send
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def more(self, count: int = 50, seconds: float = 30) -> None:
        """Return once so many more were answered."""
        wanted, deadline = self.answers.total() + count, time.monotonic() + seconds
        while self.answers.total() < wanted:
            assert time.monotonic() < deadline, f"{self.answers} after {seconds} s"
            time.sleep(0.01)

    def _run(self, number: int) -> None:
        while not self._stop.is_set():
            try:
                while (answer := self._send(number)).status_code == 503:
                    time.sleep(0.05)
                answered = "accepted" if answer.is_success else f"{answer.status_code} {answer.text}"
            except Exception as error:
                answered = type(error).__name__
            with self._lock:
                self.answers[answered] += 1
            number += len(self._threads)
