"""What is read out of a verified delivery, and what is not taken."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from gateway.delivery import Challenge, Delivery, Event
from gateway.errors import Malformed, Unverified
from gateway.providers import CATALOGUE
from gateway.providers.fields import at
from gateway.providers.reader import FieldReader
from gateway.rules import Rules, Verdict
from tests.providers.samples import PROVIDERS, sample, signed

READER = FieldReader(
    type=at("type"), id=at("id"), reason=at("reason"), references=(at("refs.*"),), objects=(at("objects.*"),)
)


def post(value: Any) -> Delivery:
    return replace(sample("stripe").delivery, body=json.dumps(value).encode())


def read(name: str, delivery: Delivery) -> tuple[Event, ...]:
    found = PROVIDERS[name].read(delivery)
    assert not isinstance(found, Challenge)
    return found


@pytest.mark.parametrize("field", ["id", "type"])
@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "a\u2028b", "x" * 513])
def test_an_id_or_type_that_is_no_key_is_malformed(field: str, text: str) -> None:
    with pytest.raises(Malformed, match=f"the event's {field}"):
        READER.read(post({"type": "a", "id": "b", field: text}))
    (event,) = READER.read(post({"type": "a", "id": "b", field: "x" * 512}))
    assert getattr(event, field) == "x" * 512


def test_references_that_are_no_keys_are_passed_over() -> None:
    refs = ["good", "a\x00b", "x" * 513, "good", 7, None, {"a": 1}, ""]
    (event,) = READER.read(post({"type": "a", "refs": refs, "objects": refs}))
    assert event.references == event.objects == ("good", "7")


def test_a_reason_is_one_line_of_bounded_length() -> None:
    (event,) = READER.read(post({"type": "a", "reason": "no\nmoney\x1b[2J" + "x" * 2000}))
    assert event.reason is not None
    assert event.reason.startswith("no money [2Jxxx")
    assert len(event.reason) == 1000
    (plain,) = READER.read(post({"type": "a", "reason": None}))
    assert plain.reason is None


def test_data_are_the_bytes_as_they_came() -> None:
    body = b' {"type" : "a","n":1.10,"big":12345678901234567890, "x":1e400,"a":1,"a":2}\n'
    (event,) = READER.read(replace(post({}), body=body))
    assert (event.data, event.json, event.media_type) == (body, True, "application/json")


def test_a_key_that_is_repeated_is_refused_where_it_is_read() -> None:
    for body in (
        b'{"type":"a","type":"a"}',
        b'{"type":"a","id":1,"id":1}',
        b'{"type":"a","refs":1,"refs":2}',
    ):
        with pytest.raises(Malformed, match="more than once"):
            READER.read(replace(post({}), body=body))


#: The type is in a header, or one is not asked of them.
TYPED_WITHOUT_BODY = {
    "bitbucket": "repo:commit_status_updated",
    "dropbox": "list_folder",
    "hubspot-v2": "action",
    "shopify": "orders/paid",
    "standard-webhooks": "event",
    "svix": "event",
    "zendesk": "event",
}


@pytest.mark.parametrize(
    "name", [name for name, p in CATALOGUE.items() if p.media_types == ("application/json",)]
)
@pytest.mark.parametrize("body", [b"", b"not json", b'{"a":NaN}', b"null", b"[]", b'"text"', b"{}", b"\xff"])
def test_a_json_provider_without_its_json_is_malformed(name: str, body: bytes) -> None:
    is_json = body in (b"null", b"[]", b'"text"', b"{}")
    if is_json and name in TYPED_WITHOUT_BODY:
        assert read(name, replace(signed(name), body=body))[0].type == TYPED_WITHOUT_BODY[name]
    elif body == b"[]" and getattr(CATALOGUE[name].reader, "items", None) == "":
        # A batch of nothing.
        assert read(name, replace(signed(name), body=body)) == ()
    else:
        with pytest.raises(Malformed):
            PROVIDERS[name].read(replace(signed(name), body=body))


def test_an_item_of_a_batch_keeps_its_digest_in_other_company() -> None:
    both = signed("gocardless")
    value = json.loads(both.body)
    alone = replace(both, body=json.dumps({"events": value["events"][1:]}, separators=(",", ":")).encode())
    (first, second), (same,) = read("gocardless", both), read("gocardless", alone)
    assert first.digest != second.digest
    assert same == second
    assert second.data in both.body
    assert second.digest == hashlib.sha256(second.data).digest()


def test_a_batch_may_be_empty_and_has_to_be_a_list() -> None:
    delivery = signed("gocardless")
    assert read("gocardless", replace(delivery, body=b'{"events":[]}')) == ()
    for body in (b'{"events":{}}', b'{"events":null}', b'{"events":[1]}', b'{"events":[],"events":[]}'):
        with pytest.raises(Malformed):
            PROVIDERS["gocardless"].read(replace(delivery, body=body))


def whatsapp(*changes: dict[str, Any]) -> Delivery:
    value = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": list(changes)}]}
    return replace(signed("meta"), body=json.dumps(value).encode())


def test_a_batch_of_batches_brings_all_that_is_in_it() -> None:
    status = {
        "field": "messages",
        "value": {"statuses": [{"id": "a", "status": "read"}, {"id": "b", "status": "sent"}]},
    }
    message = {"field": "messages", "value": {"messages": [{"id": "c", "type": "text"}]}}
    other = {"field": "account_update", "value": {"event": "VERIFIED_ACCOUNT"}}
    for changes, expected in (
        ((status,), ["status.read", "status.sent"]),
        ((status, message), ["status.read", "status.sent", "message.text"]),
        ((message, status, message), ["status.read", "status.sent", "message.text", "message.text"]),
        ((other, other), ["account_update", "account_update"]),
        # What comes beside a message is not looked at: Meta sends each kind of change by itself.
        ((other, message), ["message.text"]),
        ((), []),
    ):
        assert [event.type for event in read("meta", whatsapp(*changes))] == expected
    (page,) = read(
        "meta", replace(signed("meta"), body=b'{"object":"page","entry":[{"id":"7","messaging":[{"a":1}]}]}')
    )
    assert (page.type, page.data) == ("entry", b'{"a":1}')
    for body in (b'{"entry":{}}', b"{}", b"[]", b'{"entry":[],"entry":[]}'):
        with pytest.raises(Malformed):
            PROVIDERS["meta"].read(replace(signed("meta"), body=body))


def test_a_batch_may_be_the_whole_body() -> None:
    events = read("hubspot", signed("hubspot"))
    assert b"[" + b",".join(event.data for event in events) + b"]" == signed("hubspot").body
    with pytest.raises(Malformed, match="no list"):
        PROVIDERS["hubspot"].read(replace(signed("hubspot"), body=b'{"eventId":1}'))


def test_a_repeat_by_docusign_counts_itself_and_is_the_same_event() -> None:
    good = signed("docusign")
    again = replace(good, body=good.body.replace(b'"retryCount":0', b'"retryCount":3'))
    assert again.body != good.body
    assert [event.id for event in read("docusign", again)] == [event.id for event in read("docusign", good)]


def test_a_header_that_is_read_is_there_once() -> None:
    delivery = signed("github")
    twice = type(delivery.headers)([*delivery.headers, ("X-GitHub-Event", "push")])
    with pytest.raises(Unverified, match="x-github-event"):
        PROVIDERS["github"].read(replace(delivery, headers=twice))


@pytest.mark.parametrize(
    ("event", "body", "expected"),
    [
        ("push", {"ref": "refs/heads/main"}, "push"),
        ("ping", {"zen": "Speak like a human."}, "ping"),
        ("pull_request", {"action": "closed", "pull_request": {"merged": True}}, "pull_request.closed"),
        (
            "workflow_run",
            {"action": "requested", "workflow_run": {"conclusion": None}},
            "workflow_run.requested",
        ),
        (
            "check_run",
            {"action": "completed", "check_run": {"conclusion": "failure"}},
            "check_run.completed.failure",
        ),
        (
            "deployment_status",
            {
                "action": "created",
                "deployment_status": {"state": "success"},
                "workflow_run": {"conclusion": "failure"},
            },
            "deployment_status.created.success",
        ),
    ],
)
@pytest.mark.parametrize("as_form", [False, True])
def test_github_s_types_say_action_and_result(event: str, body: Any, expected: str, as_form: bool) -> None:
    good = signed("github")
    text = json.dumps(body).encode()
    headers = good.headers.with_(x_github_event=event)
    if as_form:
        headers = headers.with_(content_type="application/x-www-form-urlencoded")
        delivery = replace(good, headers=headers, body=urlencode({"payload": text}).encode())
    else:
        delivery = replace(good, headers=headers, body=text)
    (found,) = read("github", delivery)
    assert (found.type, found.data, found.json) == (expected, text, True)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("paid", "checkout.session.completed"),
        ("no_payment_required", "checkout.session.completed"),
        ("unpaid", "checkout.session.completed.unpaid"),
    ],
)
def test_a_stripe_session_that_is_not_paid_yet_is_no_success(status: str, expected: str) -> None:
    session = {
        "id": "cs_1",
        "payment_status": status,
        "client_reference_id": "k3x9",
        "payment_intent": "pi_1",
    }
    value = {"id": "evt_1", "type": "checkout.session.completed", "data": {"object": session}}
    (event,) = read("stripe", post(value))
    assert (event.type, event.references, event.objects) == (expected, ("k3x9",), ("cs_1", "pi_1"))
    assert (event.type in CATALOGUE["stripe"].succeed_on) is (status != "unpaid")
    (expired,) = read("stripe", post({**value, "type": "checkout.session.expired"}))
    assert expired.type == "checkout.session.expired"


def test_square_s_types_say_the_status() -> None:
    for kind, inner, expected in (
        (
            "terminal.checkout.updated",
            {"checkout": {"status": "CANCELED"}},
            "terminal.checkout.updated.CANCELED",
        ),
        ("refund.updated", {"refund": {"status": "FAILED"}}, "refund.updated.FAILED"),
        ("customer.created", {"customer": {"id": "C1"}}, "customer.created"),
    ):
        (event,) = read("square", post({"type": kind, "event_id": "e", "data": {"object": inner}}))
        assert event.type == expected


def test_paystack_without_an_object_s_id_is_known_by_its_hash() -> None:
    (event,) = read("paystack", post({"event": "charge.success", "data": {"reference": "k3x9"}}))
    assert event.id is None
    assert event.digest


def test_shopify_s_topics_of_one_event_are_two_events() -> None:
    paid = signed("shopify")
    created = replace(paid, headers=paid.headers.with_(x_shopify_topic="orders/create"))
    assert read("shopify", paid)[0].id != read("shopify", created)[0].id
    bare = type(paid.headers)((key, value) for key, value in paid.headers if key != "x-shopify-event-id")
    assert read("shopify", replace(paid, headers=bare))[0].id == "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"


def test_shopify_s_captured_order_is_not_paid_or_cancelled_by_another_topic() -> None:
    paid = signed("shopify")
    value = {**json.loads(paid.body), "financial_status": "pending"}
    order = replace(paid, body=json.dumps(value).encode())
    said = {
        topic: read("shopify", replace(order, headers=order.headers.with_(x_shopify_topic=topic)))[0].type
        for topic in ("orders/create", "orders/paid", "orders/cancelled")
    }
    assert said == {
        "orders/create": "orders/create",
        "orders/paid": "orders/paid.pending",
        "orders/cancelled": "orders/cancelled",
    }
    rules = Rules(CATALOGUE["shopify"].succeed_on, CATALOGUE["shopify"].fail_on)
    assert {rules.judge(kind) for kind in said.values()} == {Verdict.PROGRESS}
