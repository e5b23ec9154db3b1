"""Providers whose batches, questions and answers are their own, on a running gateway."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway

SECRET = "a signing secret of some length"
VERIFY_TOKEN = "a token that was made up for Meta"
SOURCES = {
    "line": "line",
    "wa": "meta",
    "shop": "woocommerce",
    "books": "xero",
    "crm": "hubspot",
    "sign": "docusign",
}
ENVIRONMENT = {
    "GATEWAY_SOURCES__WA__VERIFY_TOKEN": VERIFY_TOKEN,
    **{f"GATEWAY_SOURCES__{name.upper()}__PROVIDER": provider for name, provider in SOURCES.items()},
    **{f"GATEWAY_SOURCES__{name.upper()}__SECRETS": SECRET for name in SOURCES},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, ingress: FakeIngress) -> Iterator[RunningGateway]:
    running = RunningGateway(tmp_path_factory.mktemp("providers"), [ingress.url], environment=ENVIRONMENT)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def send(
    gateway: RunningGateway, source: str, body: Any, header: str, encoding: str = "base64"
) -> httpx.Response:
    """Send a JSON body with the HMAC-SHA-256 of it."""
    text = json.dumps(body).encode()
    digest = hmac.new(SECRET.encode(), text, hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode() if encoding == "base64" else f"sha256={digest.hex()}"
    headers = {"content-type": "application/json", header: signature}
    return gateway.public.post(f"/s/{source}", content=text, headers=headers)


def test_each_status_of_a_whatsapp_batch_finds_its_own_callback(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    first, second, third = (gateway.issue("wa", on_failure="resolve") for _ in range(3))
    delivered, failed = (
        {"id": f"wamid.{name}", "status": name, "biz_opaque_callback_data": callback.reference}
        for name, callback in (("delivered", first), ("failed", second))
    )
    pressed = {
        "id": "wamid.reply",
        "type": "interactive",
        "interactive": {"type": "button_reply", "button_reply": {"id": third.reference, "title": "Ja ✓"}},
    }
    changes = [
        {"field": "messages", "value": value}
        for value in ({"statuses": [delivered, failed]}, {"messages": [pressed]})
    ]
    body = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}
    answer = send(gateway, "wa", body, "x-hub-signature-256", "hex")
    assert (answer.status_code, answer.json()) == (200, {"outcomes": ["completed"] * 3})
    for callback, item, outcome in (
        (first, delivered, "succeeded"),
        (second, failed, "failed"),
        (third, pressed, "succeeded"),
    ):
        (call,) = ingress.calls_for(callback.awakeable)
        told = json.loads(call.body)
        assert (told["outcome"], told["data"]) == (outcome, item)
    again = send(gateway, "wa", body, "x-hub-signature-256", "hex")
    assert again.json() == {"outcomes": ["duplicate"] * 3}


def test_meta_s_question_is_answered_to_meta_only(gateway: RunningGateway) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": VERIFY_TOKEN}
    answer = gateway.public.get("/s/wa", params=asked)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    assert gateway.public.get("/s/wa", params={**asked, "hub.verify_token": "another"}).status_code == 401
    assert gateway.public.get("/s/wa").status_code == 401


def test_a_test_without_events_is_acknowledged(gateway: RunningGateway) -> None:
    assert send(gateway, "line", {"destination": "U8", "events": []}, "x-line-signature").status_code == 200


def test_a_shop_s_ping_gets_its_200_and_an_order_its_callback(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    ping = gateway.public.post("/s/shop", data={"webhook_id": "142"})
    assert (ping.status_code, ping.content) == (200, b"")
    assert (
        gateway.public.post("/s/shop", data={"webhook_id": "142", "status": "completed"}).status_code == 401
    )
    callback = gateway.issue("shop")
    order = {
        "id": 727,
        "status": "processing",
        "meta_data": [{"id": 1, "key": "reference", "value": callback.reference}],
    }
    text = json.dumps(order).encode()
    signature = base64.b64encode(hmac.new(SECRET.encode(), text, hashlib.sha256).digest()).decode()
    headers = {
        "content-type": "application/json",
        "x-wc-webhook-signature": signature,
        "x-wc-webhook-topic": "order.updated",
        "x-wc-webhook-delivery-id": "9d1a2b3c",
    }
    assert gateway.public.post("/s/shop", content=text, headers=headers).json() == {"outcome": "completed"}
    (call,) = ingress.calls_for(callback.awakeable)
    # The topic stands in a header that nobody signs.
    assert json.loads(call.body)["type_verified"] is False


def test_xero_s_good_and_bad_deliveries_are_told_apart_by_the_status_alone(gateway: RunningGateway) -> None:
    body = {"events": [], "firstEventSequence": 0, "lastEventSequence": 0, "entropy": "S0m3r4Nd0m"}
    good = send(gateway, "books", body, "x-xero-signature")
    bad = gateway.public.post("/s/books", json=body, headers={"x-xero-signature": "AAAA"})
    assert [(answer.status_code, answer.content) for answer in (good, bad)] == [(200, b""), (401, b"")]
    assert "set-cookie" not in good.headers
    assert "set-cookie" not in bad.headers


def test_hubspot_signs_the_url_that_it_was_given(gateway: RunningGateway, ingress: FakeIngress) -> None:
    callback = gateway.issue("crm")
    gateway.api.post(f"/v1/callbacks/{callback.id}/aliases", json={"alias": "148"}).raise_for_status()
    event = {
        "eventId": 3816279340,
        "occurredAt": 1795379999881,
        "subscriptionType": "deal.propertyChange",
        "propertyName": "dealstage",
        "propertyValue": "closedwon",
        "objectId": 148,
    }
    stamp, text = str(int(time.time() * 1000)), json.dumps([event])
    for url, status in ((gateway.public_url.replace("http:", "https:"), 401), (gateway.public_url, 200)):
        signed = f"POST{url}/s/crm{text}{stamp}".encode()
        digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
        headers = {
            "content-type": "application/json",
            "x-hubspot-signature-v3": base64.b64encode(digest).decode(),
            "x-hubspot-request-timestamp": stamp,
        }
        assert gateway.public.post("/s/crm", content=text, headers=headers).status_code == status
    (call,) = ingress.calls_for(callback.awakeable)
    assert json.loads(call.body)["data"] == event


def test_a_delivery_whose_secret_stands_second_is_replayed_as_it_came(gateway: RunningGateway) -> None:
    # DocuSign's second header is kept with the delivery, or a replay could not be verified.
    body = {"event": "envelope-completed", "data": {"envelopeId": "e1"}}
    answer = send(gateway, "sign", body, "x-docusign-signature-2")
    assert answer.json() == {"outcome": "unmatched"}
    (delivery,) = gateway.api.get("/v1/deliveries", params={"source": "sign"}).json()["deliveries"]
    replayed = gateway.api.post(f"/v1/deliveries/{delivery['id']}/replay")
    assert replayed.status_code == 200, replayed.text
