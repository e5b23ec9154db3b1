"""`/metrics` says what the gateway does, by names that dashboards and alerts are written against."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import closing

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.docs.documents import DOCS, rows
from tests.gateway.conftest import StartGateway
from tests.gateway.ingress import ACCEPT, Call, FakeIngress, Reaction
from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import FOREIGN_SECRET, Webhook, event, signed
from tests.gateway.wire import exchange

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(gateway: RunningGateway) -> Samples:
    """The samples of a scrape by name and labels."""
    answer = gateway.anonymous.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    """One sample's value; 0 where there is none, as Prometheus' increase() has it."""
    return samples.get((f"gateway_{name}", frozenset(labels.items())), 0.0)


Grown = Callable[..., float]


@pytest.fixture
def grown(gateway: RunningGateway) -> Grown:
    """How much a sample has grown since the test began."""
    before = scraped(gateway)

    def by(name: str, **labels: str) -> float:
        return value(scraped(gateway), name, **labels) - value(before, name, **labels)

    return by


def test_each_event_is_counted_by_source_and_outcome(
    gateway: RunningGateway, ingress: FakeIngress, grown: Grown
) -> None:
    callback, webhook = gateway.issue(), event()
    assert gateway.send(callback.path, webhook).status_code == 200
    gateway.send(callback.path, webhook)
    gateway.send(gateway.issue().path, event("payment.processing"))
    gateway.send("/s/pay", event(reference="00000000000000000000"))
    gateway.send(callback.path, event(secret=FOREIGN_SECRET))
    gateway.send(gateway.issue().path, signed(b"no JSON"))
    refused = gateway.issue()
    ingress.react = lambda call: Reaction(400)
    gateway.send(refused.path, event())
    ingress.react = lambda call: ACCEPT
    outcomes = ("completed", "duplicate", "filtered", "unmatched", "unverified", "malformed", "dead")
    assert {one: grown("deliveries_total", source="pay", outcome=one) for one in outcomes} == dict.fromkeys(
        outcomes, 1
    )
    assert grown("requests_total", listener="public", status="200") == 5
    assert grown("delivery_seconds_count") == 7
    assert grown("callbacks_issued_total", source="pay", client="orders") == 4
    host = ingress.url.removeprefix("http://")
    assert grown("restate_requests_total", address=host, answered="accepted") == 1
    assert grown("restate_requests_total", address=host, answered="refused") == 1
    assert grown("restate_seconds_count", address=host) == 2
    assert grown("ledger_operations_total", kind="write") >= 8
    assert grown("ledger_commit_seconds_count") >= 7


def test_each_step_is_timed_and_the_steps_make_up_the_whole(gateway: RunningGateway, grown: Grown) -> None:
    for _ in range(3):
        assert gateway.send(gateway.issue().path, event()).status_code == 200
    steps = ("token", "body", "verify", "interpret", "propose", "dispose", "complete", "answer")
    assert [grown("step_seconds_count", step=step) for step in steps] == [3] * len(steps)
    seconds = sum(grown("step_seconds_sum", step=step) for step in steps)
    assert seconds == pytest.approx(grown("delivery_seconds_sum"))
    assert grown("step_seconds_bucket", step="complete", le="5.0") == 3


def test_what_is_refused_is_counted_by_the_code_of_its_problem(gateway: RunningGateway, grown: Grown) -> None:
    callback = gateway.issue()
    webhook = event()
    gateway.send("/c/pay/no-token", webhook)
    gateway.send("/nowhere", webhook)
    gateway.public.get(callback.path)
    gateway.send(callback.path, Webhook(webhook.body, {"content-type": "text/plain"}))
    gateway.send(callback.path, event(text="x" * 100_000))
    gateway.send(callback.path, Webhook(webhook.body, {f"x-{n}": "y" for n in range(101)}))
    gateway.send(callback.path, event(signed_at=1))
    # The listener's own refusal, which no app sees.
    assert exchange(gateway.address, b"POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status == 400
    codes = {
        "malformed": 1,
        "not_found": 2,
        "method_not_allowed": 1,
        "unsupported_content": 1,
        "body_too_large": 1,
        "headers_too_large": 1,
        "unverified": 1,
    }
    assert {code: grown("refused_total", reason=code) for code in codes} == codes
    # No step of theirs is a delivery's.
    assert grown("delivery_seconds_count") == 1


def test_which_secret_matched_is_counted_by_its_place(gateway: RunningGateway, grown: Grown) -> None:
    from tests.gateway.webhooks import PAY_SECRETS

    for secret in (*PAY_SECRETS, PAY_SECRETS[1]):
        gateway.send(gateway.issue().path, event(secret=secret))
    assert grown("secret_used_total", source="pay", secret="0") == 1
    assert grown("secret_used_total", source="pay", secret="1") == 2


def test_conflicts_and_contradictions_are_counted(gateway: RunningGateway, grown: Grown) -> None:
    callback = gateway.issue()
    gateway.send(callback.path, event())
    gateway.send(callback.path, event("payment.declined"))
    assert grown("contradictions_total", source="pay") == 1
    assert grown("conflicts_total", source="pay") == 1


def test_what_stands_in_the_ledger_is_looked_up(
    start_gateway: StartGateway, own_ingress: FakeIngress
) -> None:
    gateway = start_gateway()

    def react(call: Call) -> Reaction:
        return Reaction(400 if dead.awakeable in call.path else 503)

    own_ingress.react = react
    dead, pending = gateway.issue(), gateway.issue()
    gateway.issue()
    gateway.issue("mailer")
    assert gateway.send(dead.path, event()).json() == {"outcome": "dead"}
    assert gateway.send(pending.path, event()).json() == {"outcome": "pending"}
    gateway.wait_for_outcome(dead.id, "dead")
    with closing(gateway.database) as database:
        database.execute("UPDATE callbacks SET orphaned = 1 WHERE source = 'mailer'")
    # What the courier tries in vain.
    own_ingress.wait_for(pending.awakeable, 2)
    samples = scraped(gateway)
    assert value(samples, "open_callbacks", source="pay", key_id="k1") == 1
    assert value(samples, "open_callbacks", source="mailer", key_id="k1") == 1
    assert value(samples, "orphaned_callbacks") == 1
    assert value(samples, "pending_events") == 1
    assert value(samples, "dead_events") == 1
    assert 0 < value(samples, "oldest_pending_seconds") < 60
    assert value(samples, "courier_attempts_total", answered="retry") >= 1
    assert value(samples, "ledger_bytes") > 4096
    assert value(samples, "key_info", key_id="k1", status="primary") == 1
    assert 0 <= value(samples, "primary_key_age_seconds") < 600
    assert abs(value(samples, "keys_loaded_timestamp_seconds") - time.time()) < 600
    assert value(samples, "closed_sources") == 2
    assert value(samples, "ready") == 1
    assert value(samples, "restate_breaker_open") == 0


def test_the_numbers_of_the_ledger_are_at_most_ten_seconds_old_and_a_scrape_costs_no_query(
    start_gateway: StartGateway,
) -> None:
    gateway = start_gateway()
    assert value(scraped(gateway), "open_callbacks", source="pay", key_id="k1") == 0
    gateway.issue()
    # Within the ten seconds nobody is asked again.
    assert value(scraped(gateway), "open_callbacks", source="pay", key_id="k1") == 0


def test_a_broken_key_file_is_counted(own_gateway: RunningGateway) -> None:
    own_gateway.key_file.write_text("{")
    deadline = time.monotonic() + 10
    while value(scraped(own_gateway), "key_load_errors_total") == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert value(scraped(own_gateway), "key_info", key_id="k1", status="primary") == 1


def test_a_ledger_that_is_away_does_not_break_the_scrape(own_gateway: RunningGateway) -> None:
    file = own_gateway.directory / "gateway.db"
    file.rename(file.with_suffix(".away"))
    samples = scraped(own_gateway)
    assert value(samples, "ready") == 0
    assert not any(name == "gateway_pending_events" for name, _ in samples)
    assert value(samples, "build_info", version="0.1.0") == 1


def test_no_label_holds_what_somebody_sent(gateway: RunningGateway) -> None:
    callback = gateway.issue(label="a-label-of-ours")
    for path in (callback.path, "/s/an-unknown-source", "/c/an-unknown-source/token"):
        gateway.send(path, event("payment.unheard-of", text="a-text-of-ours"))
    text = gateway.anonymous.get("/metrics").text
    for secret in (
        callback.token,
        callback.id,
        callback.awakeable,
        "unknown-source",
        "unheard-of",
        "-of-ours",
    ):
        assert secret not in text
    assert "python_gc" not in text  # nothing of the library's global registry


def test_metrics_need_no_token_and_are_not_public(gateway: RunningGateway) -> None:
    assert gateway.anonymous.get("/metrics").status_code == 200
    assert gateway.public.get("/metrics").status_code == 404


def test_the_documentation_lists_every_metric(gateway: RunningGateway) -> None:
    gateway.send(gateway.issue().path, event())
    text = gateway.anonymous.get("/metrics").text
    served = set(re.findall(r"^# TYPE (gateway_\w+) ", text, re.MULTILINE))
    table = rows(DOCS / "operations" / "metrics-logs-traces-health.md", "| metric |")
    listed = {name for cell in table for name in re.findall(r"gateway_\w+", cell)}
    assert served == listed
