"""The proxy fails as it is told, and is well again when it is healed."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from stack.proxy import Fault, Proxy
from tests.gateway.ingress import FakeIngress
from tests.gateway.wire import exchange, post

REQUEST = post("/x", b"{}", {})


@pytest.fixture
def behind() -> Iterator[FakeIngress]:
    server = FakeIngress()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def proxy(behind: FakeIngress) -> Iterator[Proxy]:
    made = Proxy(behind.url)
    made.start()
    yield made
    made.stop()


def status(proxy: Proxy, seconds: float = 5.0) -> int:
    return exchange(f"127.0.0.1:{proxy.port}", REQUEST, seconds=seconds).status


def test_what_comes_goes_through_and_back(proxy: Proxy, behind: FakeIngress) -> None:
    assert status(proxy) == 202
    assert len(behind.calls) == 1


def test_nobody_listens_where_connections_are_refused(proxy: Proxy, behind: FakeIngress) -> None:
    proxy.inject(Fault.REFUSED)
    with pytest.raises(ConnectionRefusedError):
        status(proxy)
    proxy.heal()
    assert status(proxy) == 202
    assert len(behind.calls) == 1


def test_a_cut_comes_after_the_request_and_before_the_answer(proxy: Proxy, behind: FakeIngress) -> None:
    proxy.inject(Fault.CUT)
    assert status(proxy) == 0
    assert len(behind.calls) == 1
    proxy.heal()
    assert status(proxy) == 202


def test_a_torn_answer_ends_after_its_first_line(proxy: Proxy, behind: FakeIngress) -> None:
    proxy.inject(Fault.TORN)
    torn = exchange(f"127.0.0.1:{proxy.port}", REQUEST)
    assert torn.status == 0
    assert torn.body in (b"", b"HTTP/1.1 202 X\r\n")
    assert len(behind.calls) == 1
    proxy.heal()
    assert status(proxy) == 202


def test_nothing_goes_into_a_black_hole_and_nothing_comes_out(proxy: Proxy, behind: FakeIngress) -> None:
    proxy.inject(Fault.BLACK_HOLE)
    with pytest.raises(TimeoutError):
        status(proxy, seconds=0.5)
    assert behind.calls == []
    proxy.heal()
    assert status(proxy) == 202


def test_a_late_answer_is_late(proxy: Proxy) -> None:
    proxy.inject(delay=0.4)
    begun = time.monotonic()
    assert status(proxy) == 202
    assert time.monotonic() - begun >= 0.4
