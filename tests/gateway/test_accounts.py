"""One URL for an account: each event of a delivery finds its own callbacks, by reference or by alias."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.gateway.ingress import FakeIngress
from tests.gateway.process import Issued, RunningGateway

GOCARDLESS_SECRET = "ED7D658C-gocardless-endpoint-secret"
ADYEN_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
ENVIRONMENT = {
    "GATEWAY_SOURCES__GC__PROVIDER": "gocardless",
    "GATEWAY_SOURCES__GC__SECRETS": GOCARDLESS_SECRET,
    "GATEWAY_SOURCES__ADYEN__PROVIDER": "adyen",
    "GATEWAY_SOURCES__ADYEN__SECRETS": ADYEN_KEY,
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, ingress: FakeIngress) -> Iterator[RunningGateway]:
    running = RunningGateway(tmp_path_factory.mktemp("accounts"), [ingress.url], environment=ENVIRONMENT)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def alias(gateway: RunningGateway, callback: Issued, text: str) -> None:
    gateway.api.post(f"/v1/callbacks/{callback.id}/aliases", json={"alias": text}).raise_for_status()


def payment_event(payment: str, action: str = "confirmed") -> dict[str, Any]:
    links = {"payment": payment}
    return {"id": f"EV{uuid4().hex[:12]}", "resource_type": "payments", "action": action, "links": links}


def gocardless(gateway: RunningGateway, *events: dict[str, Any]) -> list[str]:
    """Send a batch as GoCardless signs it, HMAC-SHA-256 of the body in hex; the outcomes on record."""
    # Spaces and an escape of its own: what comes out has to be these bytes.
    body = json.dumps({"events": events, "meta": {"webhook_id": "WB\u00e9"}}, indent=1).encode()
    signature = hmac.new(GOCARDLESS_SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "webhook-signature": signature}
    answer = gateway.public.post("/s/gc", content=body, headers=headers)
    # GoCardless wants no body.
    assert (answer.status_code, answer.content) == (204, b"")
    with closing(gateway.database) as database:
        rows = database.execute(
            "SELECT outcome, id FROM events WHERE source = 'gc' ORDER BY id DESC LIMIT ?", (len(events),)
        ).fetchall()
    # That Restate took it is noted after the answer.
    return ["completed" if outcome == "pending" else outcome for outcome, _ in reversed(rows)]


def adyen(gateway: RunningGateway, *items: dict[str, Any]) -> httpx.Response:
    """A batch as Adyen signs it: eight fields of each item, joined, in base64."""
    batch = []
    for item in items:
        fields = [item["pspReference"], "", "Shop", item["merchantReference"], "1130", "EUR", "AUTHORISATION"]
        text = ":".join([*fields, item["success"]])
        mac = hmac.new(bytes.fromhex(ADYEN_KEY), text.encode(), hashlib.sha256).digest()
        whole = {
            "merchantAccountCode": "Shop",
            "amount": {"value": 1130, "currency": "EUR"},
            "eventCode": "AUTHORISATION",
            "additionalData": {"hmacSignature": base64.b64encode(mac).decode()},
            **item,
        }
        batch.append({"NotificationRequestItem": whole})
    return gateway.public.post("/s/adyen", json={"live": "false", "notificationItems": batch})


def value_of(ingress: FakeIngress, callback: Issued) -> dict[str, Any]:
    """What Restate was told for a callback, once."""
    (call,) = ingress.calls_for(callback.awakeable)
    told: dict[str, Any] = json.loads(call.body)
    return told


def test_a_batch_completes_each_of_its_callbacks_with_its_own_event(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    first, second = gateway.issue("gc"), gateway.issue("gc", on_failure="resolve")
    assert first.url == ""
    alias(gateway, first, "PM1")
    alias(gateway, second, "PM2")
    events = [payment_event("PM1"), payment_event("PM2", "cancelled"), payment_event("PM3")]
    events.append(payment_event("PM4", "submitted"))
    assert gocardless(gateway, *events) == ["completed", "completed", "unmatched", "filtered"]
    for callback, event, outcome in ((first, events[0], "succeeded"), (second, events[1], "failed")):
        told = value_of(ingress, callback)
        assert (told["outcome"], told["data"], told["id"]) == (outcome, event, event["id"])


def test_a_batch_that_comes_again_is_a_duplicate_event_by_event(gateway: RunningGateway) -> None:
    known, unknown = payment_event("PM4"), payment_event("PM5")
    alias(gateway, gateway.issue("gc"), "PM4")
    assert gocardless(gateway, known) == ["completed"]
    assert gocardless(gateway, known, unknown) == ["duplicate", "unmatched"]


def test_one_event_completes_every_callback_that_its_object_belongs_to(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    early, both = gateway.issue("gc"), gateway.issue("gc")
    event = payment_event("PM6")
    assert gocardless(gateway, event) == ["unmatched"]
    for callback in (early, both):
        alias(gateway, callback, "PM6")
        assert value_of(ingress, callback)["data"] == event


def test_events_that_waited_for_an_alias_apply_in_the_order_they_came(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    callback = gateway.issue("gc")
    events = payment_event("PM7"), payment_event("PM7", "cancelled")
    assert gocardless(gateway, *events) == ["unmatched", "unmatched"]
    alias(gateway, callback, "PM7")
    assert value_of(ingress, callback)["type"] == "payments.confirmed"
    # That Restate took it is noted beside the answer.
    gateway.wait_for_outcome(callback.id, "completed", seconds=5)
    assert gateway.outcomes(callback.id) == ["completed", "duplicate"]
    contradicted = gateway.callback(callback.id)["deliveries"][1]
    assert contradicted["contradicts"]


def test_a_forged_reference_finds_nothing(gateway: RunningGateway, ingress: FakeIngress) -> None:
    callback = gateway.issue("adyen")
    item = {"pspReference": "PSP1", "merchantReference": callback.reference[:-1] + "x", "success": "true"}
    answer = adyen(gateway, item)
    assert (answer.status_code, answer.text) == (200, "[accepted]")
    assert ingress.calls_for(callback.awakeable) == []
    assert gateway.callback(callback.id)["state"] == "open"


def test_a_reference_in_a_covered_field_finds_its_callback(
    gateway: RunningGateway, ingress: FakeIngress
) -> None:
    first, second = gateway.issue("adyen"), gateway.issue("adyen")
    items = [
        {"pspReference": f"PSP{place}", "merchantReference": callback.reference, "success": "true"}
        for place, callback in enumerate((first, second), 2)
    ]
    answer = adyen(gateway, *items)
    assert (answer.status_code, answer.text) == (200, "[accepted]")
    for callback, item in zip((first, second), items, strict=True):
        told = value_of(ingress, callback)["data"]["NotificationRequestItem"]
        assert told["pspReference"] == item["pspReference"]


def test_traffic_that_no_rule_names_is_not_kept(gateway: RunningGateway) -> None:
    marker = f"PM-{uuid4().hex}"
    assert gocardless(gateway, payment_event(marker, "submitted")) == ["filtered"]
    with closing(gateway.database) as database:
        rows = database.execute("SELECT body FROM deliveries WHERE source = 'gc'").fetchall()
        data = database.execute("SELECT data FROM events WHERE source = 'gc'").fetchall()
    assert not any(marker.encode() in (value or b"") for (value,) in (*rows, *data))
