"""A part of the stack comes up or says why not, ends when told, and never outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from stack.errors import StackError
from stack.part import ROOT, Part
from stack.ports import free_ports

ENDS = "print('first'); raise SystemExit('the reason')"
NEVER_READY = "import time; print('still thinking', flush=True); time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(60)"
)


def program(text: str, directory: Path, ready: list[str] | None = None) -> Part:
    """A part that runs a line of Python."""
    return Part(
        name="stub",
        command=[sys.executable, "-c", text],
        environment={},
        log=directory / "stub.log",
        ready=ready or [],
    )


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Part]:
    """The lightest real part there is."""
    secret = tmp_path / "secret"
    secret.write_text("whsec_a2V5")
    (port,) = free_ports(1)
    part = Part(
        name="simulator",
        command=[sys.executable, "-m", "simulator", "--port", str(port)],
        environment={"ACMEPAY_SECRET_FILE": str(secret), "IDCHECK_SECRET_FILE": str(secret)},
        log=tmp_path / "simulator.log",
        ready=[f"http://127.0.0.1:{port}/livez"],
    )
    yield part
    part.stop()


def test_a_part_is_ready_when_it_answers_and_ends_cleanly_on_sigterm(simulator: Part) -> None:
    simulator.start()
    simulator.wait_ready()

    assert httpx.get(simulator.ready[0]).status_code == 200
    assert simulator.stop() in (0, -signal.SIGTERM)
    assert simulator.pid is None
    assert simulator.log.read_text() == ""


def test_a_part_that_was_killed_starts_again_on_the_same_address(simulator: Part) -> None:
    simulator.start()
    simulator.wait_ready()
    first = simulator.pid
    simulator.kill()
    with pytest.raises(httpx.ConnectError):
        httpx.get(simulator.ready[0])

    simulator.start()
    simulator.wait_ready()
    assert simulator.pid not in (None, first)


def test_a_part_is_not_started_twice(simulator: Part) -> None:
    simulator.start()
    with pytest.raises(StackError, match="simulator is running already"):
        simulator.start()


def test_a_part_that_ends_while_it_starts_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    part = program(ENDS, tmp_path, ready=["http://127.0.0.1:9/"])
    part.start()
    with pytest.raises(StackError, match=r"(?s)stub ended while it was starting.*stub\.log.*the reason"):
        part.wait_ready()


def test_a_part_that_does_not_get_ready_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    part = program(NEVER_READY, tmp_path, ready=["http://127.0.0.1:9/"])
    part.start()
    wait_for(part.log, "still thinking")
    with pytest.raises(StackError, match=r"(?s)stub was not ready after 0 s.*still thinking"):
        part.wait_ready(seconds=0.1)
    part.stop()


def test_a_part_that_does_not_end_when_asked_is_killed(tmp_path: Path) -> None:
    part = program(STUBBORN, tmp_path)
    part.start()
    wait_for(part.log, "up")
    assert part.stop(seconds=0.2) == -signal.SIGKILL


def test_a_part_does_not_see_what_is_set_for_other_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GATEWAY_PUBLIC_URL", "RESTATE_ADMIN_URL", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://example.com")
    monkeypatch.setenv("UNTOUCHED", "yes")
    part = program("import os; print(*os.environ, flush=True)", tmp_path)
    part.start()
    part.join()

    seen = part.log.read_text().split()
    assert "UNTOUCHED" in seen
    assert not {"GATEWAY_PUBLIC_URL", "RESTATE_ADMIN_URL", "https_proxy", "ALL_PROXY"} & set(seen)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills the children of who was killed")
def test_a_part_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = f"""
import sys, time
from pathlib import Path
from stack.part import Part
part = Part("stub", [sys.executable, "-c", {NEVER_READY!r}], {{}}, Path({str(tmp_path)!r}) / "stub.log", [])
part.start()
print(part.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        wait_for(tmp_path / "stub.log", "still thinking")
        assert is_alive(child)
        parent.kill()
    deadline = time.monotonic() + 5
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(child)


def test_ports_are_free_and_different() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(20_000 <= port < 32_000 for port in ports)


def wait_for(log: Path, text: str) -> None:
    deadline = time.monotonic() + 10
    while text not in log.read_text():
        assert time.monotonic() < deadline, f"{text!r} did not come"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # An orphan that nobody has waited for is dead as well.
    return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
