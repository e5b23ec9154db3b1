"""Restate's stand-in can be away, slow, or refuse; and it keeps the promises that it says it keeps."""

from __future__ import annotations

import httpx
import pytest

from gateway.errors import ConfigurationError
from gateway.testing import FakeRestate, WebhookGateway, running

PAID = "payment_intent.succeeded"


@pytest.fixture
def restate(webhook_gateway: WebhookGateway) -> FakeRestate:
    return webhook_gateway.restate


async def test_what_comes_while_it_is_away_is_kept_and_brought(
    webhook_gateway: WebhookGateway, restate: FakeRestate
) -> None:
    stripe = webhook_gateway.provider("stripe")
    callback = await webhook_gateway.callback(stripe)
    with restate.away():
        (answer,) = await stripe.deliver(PAID, to=callback)
        assert (answer.status, answer.outcome, callback.outcomes) == (202, "pending", ["pending"])
        assert callback.received == []
        with pytest.raises(AssertionError, match=r"no completed within 0\.1 s: .*pending"):
            await callback.until("completed", within=0.1)
    await callback.until("completed")
    assert len(callback.received) == 1


async def test_a_slow_one_is_waited_for_only_so_long(
    webhook_gateway: WebhookGateway, restate: FakeRestate
) -> None:
    stripe = webhook_gateway.provider("stripe")
    callback = await webhook_gateway.callback(stripe)
    with restate.slow(2.5):
        (answer,) = await stripe.deliver(PAID, to=callback)
        assert answer.outcome == "pending"
        assert 2000 < answer.milliseconds < 2500
    await callback.until("completed")
    assert restate.calls >= 2
    assert len(callback.received) == 1


async def test_a_provider_that_waits_for_less_has_its_answer_in_that_time(
    webhook_gateway: WebhookGateway, restate: FakeRestate
) -> None:
    sentry = webhook_gateway.provider("sentry", experimental=True, per_callback_url=True)
    callback = await webhook_gateway.callback(sentry)
    with restate.slow(2.5):
        (answer,) = await sentry.deliver(to=callback)
    assert answer.outcome == "pending"
    # It hangs up after a second.
    assert 600 < answer.milliseconds < 1000


async def test_what_it_refuses_for_good_is_dead(
    webhook_gateway: WebhookGateway, restate: FakeRestate
) -> None:
    stripe = webhook_gateway.provider("stripe")
    callback = await webhook_gateway.callback(stripe)
    with restate.answering(400):
        await stripe.deliver(PAID, to=callback)
    assert callback.outcomes == ["dead"]
    again = await webhook_gateway.callback(stripe)
    with restate.answering(503):
        await stripe.deliver(PAID, to=again)
        assert again.outcomes == ["pending"]
    await again.until("completed")


async def test_a_stream_s_events_are_all_received_in_order(webhook_gateway: WebhookGateway) -> None:
    stripe = webhook_gateway.provider("stripe")
    target = {"service": "Inbox", "key": "a/b", "handler": "deliver"}
    callback = await webhook_gateway.callback(stripe, target=target)
    other = await webhook_gateway.callback(stripe, target={**target, "key": "other"})
    await stripe.deliver("payment_intent.created", "payment_intent.processing", PAID, to=callback)
    assert callback.outcomes == ["progress", "progress", "completed"]
    assert [one.value["sequence"] for one in callback.received] == [1, 2, 3]
    assert {one.to for one in callback.received} == {"Inbox/a%2Fb/deliver"}
    assert other.received == []


def test_the_first_completion_of_an_awakeable_counts_and_a_send_s_key(restate: FakeRestate) -> None:
    def post(path: str, body: str, **headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(restate.url + path, content=body, headers=named, trust_env=False).status_code

    assert post("/restate/awakeables/sign_1abc/resolve", '{"n": 1}') == 202
    assert post("/restate/awakeables/sign_1abc/reject", "too late") == 202
    assert post("/restate/send/A/h", '{"n": 2}', idempotency_key="k") == 202
    assert post("/restate/send/A/h", '{"n": 3}', idempotency_key="k") == 202
    assert post("/restate/send/A/h", '{"n": 4}', idempotency_key="l") == 202
    assert post("/restate/elsewhere", "{}") == 404
    assert [one.value for one in restate.received] == [{"n": 1}, {"n": 2}, {"n": 4}]
    assert restate.calls == 6


def test_a_received_value_does_not_show_the_awakeable(restate: FakeRestate) -> None:
    httpx.post(f"{restate.url}/restate/awakeables/sign_1abc/resolve", content="{}", trust_env=False)
    assert "sign_1abc" not in repr(restate.received)


async def test_with_a_real_restate_the_handler_is_who_knows(tmp_path_factory: pytest.TempPathFactory) -> None:
    # Nobody listens there, which issuing does not mind.
    with running(tmp_path_factory.mktemp("real"), ingress_url="http://127.0.0.1:9") as gateway:
        with pytest.raises(ConfigurationError, match="it is not faked here"):
            _ = gateway.restate
        callback = await gateway.callback(gateway.provider("stripe"))
        with pytest.raises(ConfigurationError, match="the handler that waits is the one that knows"):
            _ = callback.received
