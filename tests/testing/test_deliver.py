"""What a simulated provider can be told to deliver, and to what it leads."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from gateway.errors import ConfigurationError
from gateway.testing import Answered, WebhookGateway

PAID = "payment_intent.succeeded"


def sent(answers: list[Answered]) -> list[tuple[str, str | None]]:
    return [(answer.event, answer.id) for answer in answers]


async def test_the_same_event_comes_as_often_as_it_is_told_to(webhook_gateway: WebhookGateway) -> None:
    stripe = webhook_gateway.provider("stripe")
    callback = await webhook_gateway.callback(stripe)
    answers = await stripe.deliver(PAID, to=callback, times=3, order="shuffled")
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert json.loads(answers[0].body) == {"outcome": "completed"}
    assert len(set(sent(answers))) == 1
    assert callback.outcomes == ["completed", "duplicate", "duplicate"]
    assert callback.state == "completed"


async def test_several_events_come_in_an_order_that_the_seed_decides(webhook_gateway: WebhookGateway) -> None:
    stripe = webhook_gateway.provider("stripe")
    events = ("payment_intent.created", "payment_intent.processing", PAID)

    async def orders(**how: Any) -> list[str]:
        return [answer.event for answer in await stripe.deliver(*events, times=2, **how)]

    assert await orders() == [event for event in events for _ in range(2)]
    first = await orders(order="shuffled", seed=1)
    assert sorted(first) == sorted([*events, *events])
    assert first == await orders(order="shuffled", seed=1)
    assert first != await orders(order="shuffled", seed=2)


async def test_what_is_sent_at_a_time_takes_effect_once(webhook_gateway: WebhookGateway) -> None:
    stripe = webhook_gateway.provider("stripe")
    callback = await webhook_gateway.callback(stripe)
    answers = await stripe.deliver(PAID, to=callback, times=20, concurrency=20)
    assert sorted(answer.outcome for answer in answers) == ["completed", *["duplicate"] * 19]
    assert len(callback.received) == 1


async def test_a_failure_rejects_with_its_reason(webhook_gateway: WebhookGateway) -> None:
    stripe = webhook_gateway.provider("stripe")
    callback = await webhook_gateway.callback(stripe)
    (answer,) = await stripe.deliver("failure", to=callback)
    assert callback.state == "failed"
    (received,) = callback.received
    assert received.how == "reject"
    assert f"(event {answer.id})" in received.value
    resolved = await webhook_gateway.callback(stripe, on_failure="resolve")
    await stripe.deliver("failure", to=resolved)
    assert resolved.received[0].value["outcome"] == "failed"


async def test_values_are_put_where_they_are_wanted(webhook_gateway: WebhookGateway) -> None:
    github = webhook_gateway.provider("github")
    callback = await webhook_gateway.callback(github, succeed_on=["deployment.*"])
    values = {
        "deployment.payload": {"cents": [1, 2.5, None]},
        "sender.login": "somebody",
        "action": "made",
        "header:x-github-event": "deployment",
    }
    await github.deliver(to=callback, set=values)
    (received,) = callback.received
    data = received.value["data"]
    assert data["deployment"]["payload"] == {"cents": [1, 2.5, None]}
    assert data["sender"]["login"] == "somebody"


async def test_an_event_finds_its_callback_by_reference_by_alias_and_by_url(
    webhook_gateway: WebhookGateway,
) -> None:
    stripe = webhook_gateway.provider("stripe", source="stripe-eu")
    other, one = await webhook_gateway.callback(stripe), await webhook_gateway.callback(stripe)
    assert one.url is None
    await stripe.deliver(PAID, to=one)
    assert (one.state, other.state) == ("completed", "open")
    await other.alias("pi_77")
    await stripe.deliver(PAID, about="pi_77")
    assert other.state == "completed"
    github = webhook_gateway.provider("github", per_callback_url=True)
    third = await webhook_gateway.callback(github)
    assert third.url is not None
    await github.deliver(to=third.url)
    assert third.state == "completed"


@pytest.mark.parametrize("how", [{"tamper": True}, {"stale": True}, {"secret": "whsec_0123456789abcdefXY"}])
async def test_what_is_not_genuine_is_refused(webhook_gateway: WebhookGateway, how: dict[str, Any]) -> None:
    stripe = webhook_gateway.provider("stripe")
    callback = await webhook_gateway.callback(stripe)
    (answer,) = await stripe.deliver(PAID, to=callback, **how)
    assert (answer.status, callback.outcomes, callback.state) == (401, [], "open")


async def test_two_accounts_of_a_provider_do_not_take_each_other_s_events(
    webhook_gateway: WebhookGateway,
) -> None:
    europe, america = (webhook_gateway.provider("stripe", source=f"stripe-{name}") for name in ("eu", "us"))
    assert europe.secret != america.secret
    (answer,) = await europe.deliver(PAID, to=america.url)
    assert answer.status == 401


async def test_a_secret_of_one_s_own_and_a_sender_of_one_s_own(webhook_gateway: WebhookGateway) -> None:
    house = webhook_gateway.provider(
        "hmac",
        source="house",
        hmac={"header": "X-House-Signature", "event_id": "number", "reference": "order"},
        secrets=["5f0c1a7c33b2d84a6f9e0d5c71"],
        succeed_on=["job.done"],
    )
    assert house.secret == "5f0c1a7c33b2d84a6f9e0d5c71"
    callback = await webhook_gateway.callback(house)
    await house.deliver("job.done", to=callback)
    assert callback.outcomes == ["completed"]


@pytest.mark.parametrize(
    ("provider", "settings", "how", "said"),
    [
        ("stripe", {}, {"events": ("payment.fax", "sucess")}, 'there is no sample of "sucess" from Stripe'),
        ("stripe", {}, {"stale": True, "tamper": True}, "either stale or tamper: one reason to be refused"),
        ("stripe", {}, {"concurrency": 0}, "times, concurrency: a number from 1 is needed"),
        ("stripe", {}, {"order": "shufled"}, 'order: "given" or "shuffled" is needed'),
        ("adyen", {}, {"stale": True}, "stale: Adyen signs no time"),
        ("auth0", {}, {"tamper": True}, "tamper: Auth0 signs nothing of the body"),
        ("stripe", {}, {"secret": "sk_live_0123456789"}, "signing secret is needed, not an API key"),
        ("stripe", {}, {"set": {"id.deeper": 1}}, "set: deeper: what it would stand in is no object"),
        ("wise", {}, {"about": "tr_1"}, "about: Wise: an id of the form of"),
        ("strip", {}, {}, 'sources.strip.provider: "strip" is not known; there are adyen, '),
        ("stripe", {"suceed_on": []}, {}, "there is no such setting; did you mean succeed_on?"),
        ("stripe", {"secrets": []}, {}, "sources.stripe.secrets: there is none to sign with"),
    ],
)
async def test_what_can_t_be_is_told_what_would_be_right(
    webhook_gateway: WebhookGateway, provider: str, settings: Any, how: dict[str, Any], said: str
) -> None:
    events = how.pop("events", ())
    with pytest.raises(ConfigurationError) as raised:
        await webhook_gateway.provider(provider, **settings).deliver(*events, **how)
    assert said in str(raised.value)


async def test_a_callback_that_no_event_could_find_is_named(webhook_gateway: WebhookGateway) -> None:
    wise, stripe = webhook_gateway.provider("wise"), webhook_gateway.provider("stripe")
    callback = await webhook_gateway.callback(wise)
    with pytest.raises(ConfigurationError, match=r"Say callback\.alias\(ID\) once it is issued"):
        await wise.deliver(to=callback)
    with pytest.raises(ConfigurationError, match=f"{callback.id} is a callback of wise, not of stripe"):
        await stripe.deliver(to=callback)


async def test_a_wrong_source_leaves_the_others_as_they_are(webhook_gateway: WebhookGateway) -> None:
    stripe = webhook_gateway.provider("stripe")
    with pytest.raises(ConfigurationError):
        webhook_gateway.provider("strip")
    webhook_gateway.provider("github")
    callback = await webhook_gateway.callback(stripe)
    await stripe.deliver(PAID, to=callback)
    assert callback.outcomes == ["completed"]


async def test_the_service_finds_a_client_and_the_test_what_it_issued(
    webhook_gateway: WebhookGateway,
) -> None:
    stripe = webhook_gateway.provider("stripe")
    target = {"workflow": "Checkout", "key": "order-42", "promise": "paid"}
    async with httpx.AsyncClient(trust_env=False) as service:
        for label in ("order-41", "order-42"):
            issued = await service.post(
                f"{webhook_gateway.env['GATEWAY_URL']}/v1/callbacks",
                headers={"authorization": f"Bearer {webhook_gateway.env['GATEWAY_TOKEN']}"},
                json={"source": "stripe", "target": target, "label": label},
            )
    callback = await webhook_gateway.issued("stripe", label="order-42")
    assert callback.id == issued.json()["id"]
    assert callback == await webhook_gateway.issued(stripe)
    await stripe.deliver(PAID, to=callback)
    (received,) = callback.received
    assert (received.how, received.to) == ("send", "Checkout/order-42/gateway_callback")
    assert received.value["promise"] == "paid"
    assert callback.id == (await webhook_gateway.issued(stripe, state="completed")).id
    with pytest.raises(AssertionError, match='no open callback of stripe with the label "x" was issued'):
        await webhook_gateway.issued(stripe, label="x", within=0.1)


async def test_a_refused_request_has_the_gateway_s_words(webhook_gateway: WebhookGateway) -> None:
    with pytest.raises(ConfigurationError, match='422: source: there is no source "paypal"'):
        await webhook_gateway.callback("paypal")


async def test_a_subscription_is_confirmed_without_the_network(webhook_gateway: WebhookGateway) -> None:
    sns = webhook_gateway.provider("aws-sns", confirm=True, succeed_on=["*"])
    asked = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f"
    values = {"Type": "SubscriptionConfirmation", "Token": "2336412f", "SubscribeURL": asked}
    (answer,) = await sns.deliver(set=values)
    # Where the visit fails, or can't be made, it is 503.
    assert answer.status == 200
