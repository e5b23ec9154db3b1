"""What fails again and again is refused before it is verified, and nobody else is shut out with it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.gateway.ingress import FakeIngress
from tests.gateway.process import Issued, RunningGateway
from tests.gateway.webhooks import FOREIGN_SECRET, PAY_SECRETS, Webhook, event
from tests.gateway.wire import Answered, exchange, post, problem_code

BOUND = 20
_ENVIRONMENT = {
    "GATEWAY_LIMITS__UNVERIFIED_PER_MINUTE": str(BOUND),
    "GATEWAY_LIMITS__UNKNOWN_PER_MINUTE": str(BOUND),
    "GATEWAY_LIMITS__CALLBACK_PER_MINUTE": str(2 * BOUND),
}


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory, ingress: FakeIngress) -> Iterator[RunningGateway]:
    """A gateway behind a proxy on this machine, which takes few."""
    trusting = _ENVIRONMENT | {"GATEWAY_LIMITS__TRUSTED_PROXIES": "127.0.0.1,10.0.0.0/8"}
    running = RunningGateway(tmp_path_factory.mktemp("bounded"), [ingress.url], environment=trusting)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def _send(gateway: RunningGateway, path: str, webhook: Webhook, client: str) -> Answered:
    headers = webhook.headers | {"x-forwarded-for": client}
    return exchange(gateway.address, post(path, webhook.body, headers))


def _forge(gateway: RunningGateway, path: str, client: str) -> list[int]:
    """The answers to forged deliveries, up to the first that is refused unseen."""
    statuses = [0]
    while statuses[-1] != 429:
        assert len(statuses) < 3 * BOUND, statuses
        statuses.append(_send(gateway, path, event(secret=FOREIGN_SECRET), client).status)
    return statuses[1:]


class TestUnverified:
    def test_beyond_the_rate_it_is_429_before_a_byte_of_the_body(self, bounded: RunningGateway) -> None:
        statuses = _forge(bounded, "/s/pay", "203.0.113.1")
        assert set(statuses[:-1]) == {401}
        assert BOUND <= len(statuses[:-1]) <= BOUND + 5
        # A whole request, the genuine one of whoever forged before, and a head without its body.
        genuine = event()
        head = post("/s/pay", b"", {"content-length": "70000", "x-forwarded-for": "203.0.113.1"})
        for request in (
            post("/s/pay", genuine.body, genuine.headers | {"x-forwarded-for": "203.0.113.1"}),
            head,
        ):
            answer = exchange(bounded.address, request)
            assert answer.status == 429
            assert problem_code(answer) == "rate_limited"
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert answer.seconds < 0.5

    def test_siblings_other_addresses_and_other_callbacks_are_served(self, bounded: RunningGateway) -> None:
        client = "203.0.113.2"
        _forge(bounded, "/s/pay", client)
        ours, other = bounded.issue(), bounded.issue()
        _forge(bounded, ours.path, client)
        # The same account's secrets under another name, another callback of the same source, another address.
        assert _send(bounded, "/s/pay-twin", event(), client).status == 200
        assert _send(bounded, other.path, event(), client).status == 200
        assert _send(bounded, "/s/pay", event(), "203.0.113.3").status == 200
        assert _send(bounded, ours.path, event(), "203.0.113.3").status == 200

    def test_who_it_is_can_not_be_made_up(self, bounded: RunningGateway) -> None:
        statuses = []
        for number in range(BOUND + 10):
            client = f"192.0.2.{number}, 203.0.113.4, 10.1.2.3"
            statuses.append(_send(bounded, "/s/pay", event(secret=FOREIGN_SECRET), client).status)
        assert statuses[-1] == 429

    def test_after_the_wait_that_is_named_it_is_taken(self, bounded: RunningGateway) -> None:
        client = "203.0.113.5"
        _forge(bounded, "/s/pay", client)
        answer = _send(bounded, "/s/pay", event(), client)
        time.sleep(int(answer.headers["retry-after"]))
        assert _send(bounded, "/s/pay", event(), client).status == 200

    def test_an_ipv6_host_has_one_rate_for_all_its_addresses(self, bounded: RunningGateway) -> None:
        statuses = [
            _send(bounded, "/s/pay", event(secret=FOREIGN_SECRET), f"2001:db8:1:2:{number:x}::1").status
            for number in range(BOUND + 10)
        ]
        assert statuses[-1] == 429
        assert _send(bounded, "/s/pay", event(), "2001:db8:1:3::1").status == 200

    def test_it_is_told_in_the_log_without_who_and_not_each_time(self, bounded: RunningGateway) -> None:
        _forge(bounded, "/s/pay", "203.0.113.99")
        lines = [json.loads(line) for line in bounded.log.splitlines() if "rate limited" in line]
        assert 1 <= len(lines) <= 2
        assert "203.0.113" not in bounded.log


class TestUnknown:
    def test_beyond_the_rate_it_is_429_and_what_is_authentic_is_served(self, bounded: RunningGateway) -> None:
        client = "198.51.100.1"
        callback = bounded.issue()
        statuses = []
        for number in range(BOUND + 10):
            path = ("/c/pay/x", "/nothing", "/s/unknown", "/a/x")[number % 4]
            statuses.append(_send(bounded, path, event(), client).status)
        assert statuses[:BOUND] == [404] * BOUND
        assert statuses[-1] == 429
        answer = _send(bounded, "/c/pay/x", event(), client)
        assert problem_code(answer) == "rate_limited"
        assert int(answer.headers["retry-after"]) >= 1
        assert _send(bounded, callback.path, event(), client).status == 200
        assert _send(bounded, "/s/pay", event(), client).status == 200
        assert _send(bounded, "/c/pay/x", event(), "198.51.100.2").status == 404


class TestOneCallback:
    def test_a_flood_of_repeats_is_429_and_other_callbacks_are_served(self, bounded: RunningGateway) -> None:
        flooded, other = bounded.issue(), bounded.issue()
        webhook = event()
        statuses = [
            _send(bounded, flooded.path, webhook, f"192.0.2.{number}").status for number in range(2 * BOUND)
        ]
        assert statuses == [200] * (2 * BOUND)
        answers = [_send(bounded, flooded.path, webhook, "192.0.2.99") for _ in range(5)]
        assert answers[-1].status == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert _send(bounded, other.path, event(), "192.0.2.99").status == 200

    def test_a_token_that_is_not_authentic_counts_for_none(self, bounded: RunningGateway) -> None:
        callback: Issued = bounded.issue()
        for number in range(3 * BOUND):
            _send(bounded, f"{callback.path}x", event(), f"198.51.100.{number}")
        assert _send(bounded, callback.path, event(secret=PAY_SECRETS[1]), "198.51.100.1").status == 200


def test_without_a_trusted_proxy_the_peer_counts_whatever_it_says(
    tmp_path_factory: pytest.TempPathFactory, ingress: FakeIngress
) -> None:
    gateway = RunningGateway(tmp_path_factory.mktemp("direct"), [ingress.url], environment=_ENVIRONMENT)
    try:
        gateway.start()
        statuses = [
            _send(gateway, "/s/pay", event(secret=FOREIGN_SECRET), f"192.0.2.{number}").status
            for number in range(BOUND + 10)
        ]
        assert statuses[-1] == 429
        assert _send(gateway, "/s/pay-twin", event(), "192.0.2.1").status == 200
    finally:
        gateway.stop()
