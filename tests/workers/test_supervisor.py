"""The parent of several workers, with workers that do next to nothing: who is started, replaced and ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from stack.part import ROOT, clean_environment
from stack.ports import free_row
from tests.workers.processes import children, runs, until

#: A worker does what the first argument says; the second is how long it may take to stop.
_SCRIPT = """
import os, signal, sys, time
from gateway import log, settings
from gateway.errors import ConfigurationError
from gateway.workers.supervisor import Supervisor
what, patience, public, internal = sys.argv[1:]
log.configure(settings.Log(format="json"))

def work(worker):
    if what == "wrong":
        raise ConfigurationError("what is wrong")
    if what == "defect":
        raise RuntimeError("a defect")
    worker.sound()
    if what == "obey":
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    if what == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if what == "crash" and worker.number == 2:
        os._exit(3)
    print(worker.number, os.getpid(), flush=True)
    worker.sockets.public.listen()
    time.sleep(60)

listen = settings.Listen(public=public, internal=internal, workers=2)
sys.exit(Supervisor(listen, work, float(patience)).run())
"""
Begin = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Start a parent whose workers do something; it is ended with the test, and they with it."""
    started: list[subprocess.Popen[str]] = []

    def one(what: str, patience: float = 5.0, ports: range | None = None) -> subprocess.Popen[str]:
        addresses = [f"127.0.0.1:{port}" for port in (ports or free_row(3))[:2]]
        process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, what, str(patience), *addresses],
            cwd=ROOT,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield one
    for process in started:
        with suppress(ProcessLookupError):
            process.kill()
        process.communicate(timeout=20)


def said(process: subprocess.Popen[str], count: int) -> dict[int, int]:
    """The first workers that serve: number and process id, as they say so."""
    assert process.stdout is not None
    found = [process.stdout.readline().split() for _ in range(count)]
    return {int(number): int(pid) for number, pid in found}


def logged(text: str) -> list[dict[str, Any]]:
    """The lines of a log."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_with_exit_code_0(begin: Begin, number: signal.Signals) -> None:
    parent = begin("obey")
    workers = said(parent, 2)
    assert set(workers) == {1, 2}
    parent.send_signal(number)
    out, err = parent.communicate(timeout=10)
    assert (parent.returncode, out, err) == (0, "", "")
    assert not any(map(runs, workers.values()))


def test_a_worker_that_hangs_is_ended_by_force_once_a_stop_s_time_is_up(begin: Begin) -> None:
    parent = begin("hang", patience=0.5)
    workers = said(parent, 2)
    begun = time.monotonic()
    parent.terminate()
    parent.communicate(timeout=10)
    assert parent.returncode == 1
    assert 0.5 <= time.monotonic() - begun < 3
    assert not any(map(runs, workers.values()))


def test_what_is_wrong_with_the_configuration_is_said_once(begin: Begin) -> None:
    parent = begin("wrong")
    assert parent.communicate(timeout=10) == ("", "gateway: what is wrong\n")
    assert parent.returncode == 1


def test_a_defect_at_the_start_is_shown_once_and_ends_it(begin: Begin) -> None:
    parent = begin("defect")
    _, err = parent.communicate(timeout=10)
    assert (parent.returncode, err.count("Traceback"), err.count("RuntimeError: a defect")) == (1, 1, 1)


def test_before_a_worker_that_dies_again_and_again_is_replaced_there_is_a_longer_pause_each_time(
    begin: Begin,
) -> None:
    parent = begin("crash")
    (first,) = said(parent, 1).values()
    assert parent.stderr is not None
    lines = logged("".join(parent.stderr.readline() for _ in range(4)))
    assert [(line["worker"], line["code"], line["pause"]) for line in lines] == [
        (2, 3, seconds) for seconds in (0.1, 0.2, 0.4, 0.8)
    ]
    assert runs(first)
    parent.terminate()
    parent.communicate(timeout=10)
    assert parent.returncode == 0


def test_a_worker_that_is_killed_is_replaced_at_once_and_the_others_stay(begin: Begin) -> None:
    parent = begin("obey")
    before = said(parent, 2)
    os.kill(before[2], signal.SIGKILL)
    after = said(parent, 1)
    assert set(after) == {2}
    assert sorted(children(parent.pid)) == sorted([before[1], after[2]])


def test_workers_whose_parent_is_killed_end(begin: Begin) -> None:
    parent = begin("obey")
    workers = said(parent, 2)
    parent.kill()
    until(lambda: not any(map(runs, workers.values())))


def test_a_port_that_another_program_has_is_refused_though_it_shares_it(begin: Begin) -> None:
    ports = free_row(3)
    said(begin("obey", ports=ports), 2)
    second = begin("obey", ports=ports)
    _, err = second.communicate(timeout=10)
    assert second.returncode == 1
    assert f"listen.public: 127.0.0.1:{ports[0]}: Address already in use; another address is needed" in err
