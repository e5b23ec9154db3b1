"""A delivery is a trace: its steps, and Restate's spans under the step that tells it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.observe.trace import Trace, parse
from gateway.restate import Answered, RestateClient
from stack.ports import free_ports
from stack.restate import Restate
from tests.core.test_envelope import EFFECT
from tests.gateway.collector import Collector, attributes
from tests.gateway.conftest import StartGateway
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import FOREIGN_SECRET, Webhook, event

THEIRS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def traced(
    tmp_path_factory: pytest.TempPathFactory, ingress: FakeIngress, collector: Collector
) -> Iterator[RunningGateway]:
    """A gateway that sends its traces."""
    environment = {"GATEWAY_TRACES__ENDPOINT": collector.url}
    running = RunningGateway(tmp_path_factory.mktemp("traced"), [ingress.url], environment=environment)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def test_a_delivery_is_one_span_with_its_steps_and_restate_is_sent_the_step_that_tells_it(
    traced: RunningGateway, ingress: FakeIngress, collector: Collector
) -> None:
    callback = traced.issue()
    webhook = event()
    answer = traced.send(callback.path, Webhook(webhook.body, webhook.headers | {"traceparent": THEIRS}))
    assert answer.status_code == 200
    (call,) = ingress.calls_for(callback.awakeable)
    span = next(
        span
        for span in collector.wait_for("delivery pay")
        if attributes(span)["gateway.callback"] == callback.id
    )
    said = attributes(span)
    assert said.pop("gateway.delivery").startswith("dl_")
    assert said == {
        "gateway.source": "pay",
        "gateway.callback": callback.id,
        "gateway.event_types": ["payment.succeeded"],
        "gateway.outcomes": ["completed"],
        "gateway.key": "k1",
        "gateway.request_id": answer.headers["x-request-id"],
        "http.response.status_code": 200,
    }
    children = [one for one in collector.spans if one.parent_span_id == span.span_id]
    steps = ["token", "body", "verify", "interpret", "propose", "dispose", "complete", "answer"]
    assert [one.name for one in sorted(children, key=lambda one: one.start_time_unix_nano)] == steps
    assert all(one.trace_id == span.trace_id for one in children)
    assert span.start_time_unix_nano == min(one.start_time_unix_nano for one in children)
    assert span.end_time_unix_nano == max(one.end_time_unix_nano for one in children)
    assert abs(span.start_time_unix_nano / 1e9 - time.time()) < 60
    told = next(one for one in children if one.name == "complete")
    assert call.headers["traceparent"] == f"00-{span.trace_id.hex()}-{told.span_id.hex()}-01"
    # The provider's own trace is linked, and is not the parent.
    assert span.parent_span_id == b""
    (link,) = span.links
    assert (link.trace_id.hex(), link.span_id.hex()) == tuple(THEIRS.split("-")[1:3])


def test_what_is_not_accepted_is_a_span_as_well(traced: RunningGateway, collector: Collector) -> None:
    callback = traced.issue()
    assert traced.send(callback.path, event(secret=FOREIGN_SECRET)).status_code == 401
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        found = [s for s in collector.spans if attributes(s).get("gateway.callback") == callback.id]
        if found:
            break
        time.sleep(0.05)
    said = attributes(found[0])
    assert (said["gateway.outcomes"], said["http.response.status_code"]) == (["unverified"], 401)


def test_no_span_holds_a_token_an_awakeable_or_a_url(traced: RunningGateway, collector: Collector) -> None:
    callback = traced.issue("mailer")
    traced.send(callback.path, event(text="a-text-of-ours"))
    collector.wait_for("delivery mailer")
    for secret in (callback.token, callback.awakeable[6:37], "a-text-of-ours", traced.public_url, "/c/"):
        assert not any(secret.encode() in body for body in collector.received)


def test_a_collector_that_is_away_costs_nothing_and_is_told_once(
    start_gateway: StartGateway, own_ingress: FakeIngress
) -> None:
    (port,) = free_ports(1)
    gateway = start_gateway(environment={"GATEWAY_TRACES__ENDPOINT": f"http://127.0.0.1:{port}"})
    for _ in range(20):
        assert gateway.send(gateway.issue().path, event()).json() == {"outcome": "completed"}
    deadline = time.monotonic() + 15
    while "traces are dropped" not in gateway.log:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert gateway.send(gateway.issue().path, event()).status_code == 200
    assert gateway.log.count("traces are dropped") == 1
    assert "Traceback" not in gateway.log
    begun = time.monotonic()
    assert gateway.part.stop() == 0
    assert time.monotonic() - begun < 10


def test_a_share_of_nothing_sends_nothing_and_tells_restate_so(
    start_gateway: StartGateway, own_ingress: FakeIngress, collector: Collector
) -> None:
    environment = {"GATEWAY_TRACES__ENDPOINT": collector.url, "GATEWAY_TRACES__RATIO": "0"}
    gateway = start_gateway(environment=environment)
    callback = gateway.issue("stripe-eu", target={"service": "Inbox", "key": "1", "handler": "take"})
    assert callback.url == ""
    other = gateway.issue()
    gateway.send(other.path, event())
    (call,) = own_ingress.calls_for(other.awakeable)
    assert call.headers["traceparent"].endswith("-00")


def test_without_the_setting_restate_is_sent_no_traceparent(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    callback, webhook = gateway.issue(), event()
    gateway.send(callback.path, Webhook(webhook.body, webhook.headers | {"traceparent": THEIRS}))
    (call,) = ingress.calls_for(callback.awakeable)
    assert "traceparent" not in call.headers


def test_without_the_extra_the_setting_is_an_error_that_says_what_to_install(
    gateway: RunningGateway,
) -> None:
    # The API comes with FastAPI, what sends comes with the extra.
    script = "import sys; sys.modules['opentelemetry.sdk'] = None; from gateway.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "serve", "--config", str(gateway.directory / "gateway.toml")],
        env={"GATEWAY_TRACES__ENDPOINT": "http://127.0.0.1:4318", "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "traces.endpoint: traces need the extra" in done.stderr
    assert "webhook-gateway[server,traces]" in done.stderr
    assert "Traceback" not in done.stderr


async def test_restate_takes_a_call_with_a_traceparent(restate: Restate) -> None:
    client = RestateClient((restate.ingress_url,))
    trace = Trace.begin(1.0, None)
    result = await client.complete(EFFECT, time.monotonic() + 5, trace.traceparent)
    client.close()
    assert result.answered is Answered.ACCEPTED


def test_the_share_decides() -> None:
    shares = {ratio: sum(Trace.begin(ratio, None).sampled for _ in range(1000)) for ratio in (0, 0.5, 1)}
    assert shares[0] == 0
    assert 350 < shares[0.5] < 650
    assert shares[1] == 1000


def test_a_span_of_a_provider_s_is_read_strictly() -> None:
    found = parse(THEIRS)
    assert found is not None
    assert found.sampled
    bad = ["", "x", THEIRS.upper(), THEIRS + "-x", THEIRS[:-1], "ff" + THEIRS[2:], THEIRS.replace("b", "g")]
    zero = ["00-" + "0" * 32 + THEIRS[35:], THEIRS[:36] + "0" * 16 + "-01", THEIRS + "\n", f" {THEIRS}"]
    assert [text for text in [*bad, *zero] if parse(text)] == []
    assert parse("01" + THEIRS[2:] + "-and-more") is not None


@given(st.text())
def test_whatever_a_provider_sends_is_read_or_left_out(text: str) -> None:
    assert parse(text) is None
