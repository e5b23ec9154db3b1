"""`gateway deliveries tail`: each delivery once, as it comes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading

from tests.cli.conftest import Console
from tests.gateway.webhooks import FOREIGN_SECRET, event


def test_what_comes_is_printed_once_each_until_ctrl_c(console: Console) -> None:
    before = console.issue()
    console.send(before.path, event())
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("GATEWAY_", "RESTATE_"))}
    tail = subprocess.Popen(
        [sys.executable, "-m", "gateway", "deliveries", "tail", "--since", "1h", "--json", "--source", "pay"],
        cwd=console.directory,
        env=environ | {"GATEWAY_TOKEN": console.tokens["ops"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watchdog = threading.Timer(60, tail.kill)
    watchdog.start()
    try:
        assert tail.stdout is not None
        first = json.loads(tail.stdout.readline())
        assert first["callback_id"] == before.id
        after = [console.issue() for _ in range(3)]
        for callback in after:
            console.send(callback.path, event())
        lines = [json.loads(tail.stdout.readline()) for _ in after]
        assert [line["callback_id"] for line in lines] == [callback.id for callback in after]
        tail.send_signal(signal.SIGINT)
        rest, complaints = tail.communicate(timeout=30)
        assert (tail.returncode, rest, complaints) == (0, "", "")
    finally:
        watchdog.cancel()
        tail.kill()
        tail.communicate()


def test_it_ends_after_so_many_and_looks_for_what_is_asked(console: Console) -> None:
    console.send(console.issue().path, event())
    console.send("/s/pay", event(secret=FOREIGN_SECRET))
    shown = console(
        "deliveries", "tail", "--since", "1h", "--outcome", "unverified", "--count", "1"
    ).stdout.splitlines()
    (line,) = shown
    assert line.endswith("unverified: no signature fits")
    assert console("deliveries", "tail", "--count", "0", code=2).stderr
    assert console("deliveries", "tail", "--outcome", "lost", code=2).stderr
