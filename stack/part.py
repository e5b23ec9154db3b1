"""One part of the stack: a process with a log file, and an address that says when it is ready."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from stack.errors import StackError

ROOT = Path(__file__).parent.parent
_CHILD = Path(__file__).with_name("child.py")

# What a program gets to end by itself; the gateway and the services promise to need less.
STOP_SECONDS = 10.0
# Generous: a loaded machine takes seconds for what takes half a second here.
READY_SECONDS = 60.0


@dataclass
class Part:
    """
    A program to run: `command` with `environment` on top of a clean one, writing to `log`.

    It is ready when each URL of `ready` answers 200. Starting it again appends to the same log, on
    the same addresses. It dies with this process.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    ready: Sequence[str]
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running and self._process else None

    def start(self) -> None:
        """Start the process without waiting for it; `wait_ready` does."""
        if self.pid is not None:
            raise StackError(f"{self.name} is running already")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-S", "-E", str(_CHILD), str(os.getpid()), *self.command],
                env={**clean_environment(), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                # Ctrl-C reaches the parent alone, which ends its children in order.
                start_new_session=True,
            )
        atexit.register(self.kill)

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Return when it is ready; `StackError` with the end of its log where it does not come up."""
        deadline = time.monotonic() + seconds
        waiting = list(self.ready)
        with httpx.Client(trust_env=False, timeout=1) as client:
            while waiting:
                if self.pid is None:
                    raise StackError(f"{self.name} ended while it was starting.{self._tail()}")
                if _answers(client, waiting[0]):
                    waiting.pop(0)
                elif time.monotonic() > deadline:
                    raise StackError(
                        f"{self.name} was not ready after {seconds:.0f} s: {waiting[0]} does not answer 200."
                        f"{self._tail()}"
                    )
                else:
                    time.sleep(0.02)

    def terminate(self) -> None:
        """Ask it to end, with SIGTERM, and return at once; `join` waits for it."""
        self._signal(signal.SIGTERM)

    def join(self, seconds: float = STOP_SECONDS) -> int | None:
        """Wait until it has ended, with SIGKILL if it still runs after `seconds`; its exit code."""
        if self._process is None:
            return None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        atexit.unregister(self.kill)
        return self._process.returncode

    def stop(self, seconds: float = STOP_SECONDS) -> int | None:
        """End it: SIGTERM, and SIGKILL if it still runs after `seconds`; its exit code."""
        self.terminate()
        return self.join(seconds)

    def kill(self) -> None:
        """End it with SIGKILL, which it cannot notice."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.pid is not None:
            self._process.send_signal(number)

    def _tail(self, lines: int = 25) -> str:
        last = self.log.read_text(errors="replace").splitlines()[-lines:]
        return f" The end of {self.log}:\n" + "\n".join(f"    {line}" for line in last or ["(empty)"])


def clean_environment() -> dict[str, str]:
    """This process's environment without what is meant for other programs and would change ours."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("GATEWAY_", "RESTATE_"))
        and not name.lower().endswith("_proxy")
        # Without kept bytecode each part takes two seconds more to start, every time.
        and name != "PYTHONDONTWRITEBYTECODE"
    }


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == 200
    except httpx.TransportError:
        return False
