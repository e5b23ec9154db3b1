"""`gateway callbacks` as ops use it, with what the internal API has behind it."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Console
from tests.gateway.ingress import Reaction
from tests.gateway.process import new_awakeable
from tests.gateway.webhooks import event


def test_a_client_lists_its_own_callbacks_and_ops_everybody_s(console: Console) -> None:
    mine, stream = (
        console.issue(label="list"),
        console.issue(label="list", target={"service": "Inbox", "key": "k", "handler": "take"}),
    )
    with console.as_client("other") as other:
        body = {"source": "pay", "target": {"awakeable": new_awakeable()}, "label": "list"}
        others = other.post("/v1/callbacks", json=body).json()["id"]

    def listed(*arguments: str, client: str = "ops") -> list[str]:
        shown = console("callbacks", "list", "--label", "list", "--json", *arguments, client=client).stdout
        return [one["id"] for one in json.loads(shown)]

    assert listed() == [others, stream.id, mine.id]
    assert listed("--limit", "1") == [others]
    assert listed("--client", "other") == [others]
    assert listed(client="orders") == [stream.id, mine.id]
    assert listed("--client", "orders", client="orders") == [stream.id, mine.id]
    refused = console("callbacks", "list", "--client", "other", client="orders", code=1).stderr
    assert 'the client "orders" is not ops' in refused
    assert console("callbacks", "list", "--state", "revoked", "--label", "list").stdout == "No callbacks.\n"
    head, *lines = console("callbacks", "list", "--label", "list").stdout.splitlines()
    assert head.split() == ["ID", "STATE", "SOURCE", "CLIENT", "EXPIRES", "TARGET"]
    assert lines[0].split()[:4] == [others, "open", "pay", "other"]
    assert lines[1].endswith("Inbox/k/take")
    assert lines[2].endswith("an awakeable")


def test_one_is_shown_with_what_came_for_it(console: Console) -> None:
    callback = console.issue(label="shown", metadata={"order": 42})
    console.send(callback.path, event(event_id="msg_shown"))
    shown = console("callbacks", "show", callback.id).stdout
    assert f"{callback.id}  completed, an awakeable" in shown
    assert "client     orders" in shown
    assert 'metadata   {"order": 42}' in shown
    assert "payment.succeeded: completed  (event msg_shown" in shown
    assert callback.awakeable not in shown
    assert json.loads(console("callbacks", "show", callback.id, "--json").stdout)["state"] == "completed"
    unknown = console("callbacks", "show", "cb_" + "0" * 26, code=1).stderr
    assert "there is no callback with this id" in unknown
    assert console("callbacks", "show", callback.id, client="other", code=1).stderr == unknown


def test_one_is_issued_and_its_url_works(console: Console) -> None:
    awakeable = new_awakeable()
    arguments = ("callbacks", "issue", "--source", "pay", "--awakeable", "-", "--idempotency-key", "k-1")
    issued = json.loads(console(*arguments, "--expires-in", "1h", "--json", stdin=f"{awakeable}\n").stdout)
    said = console(*arguments, "--expires-in", "1h", stdin=f"{awakeable}\n").stdout
    assert said.splitlines()[1] == issued["url"]
    console.send(issued["url"].removeprefix(console.public_url), event())
    assert len(console.ingress.wait_for(awakeable)) == 1
    account = console(
        "callbacks", "issue", "--source", "stripe-eu", "--workflow", "W", "--key", "a", "--promise", "paid"
    ).stdout
    assert f"{console.public_url}/s/stripe-eu, with the reference" in account
    wrong = console("callbacks", "issue", "--source", "nobody", "--awakeable", new_awakeable(), code=1).stderr
    assert 'there is no source "nobody"' in wrong


def test_ops_close_and_revoke_another_client_s(console: Console) -> None:
    first, second, done = console.issue(), console.issue(), console.issue()
    console.send(done.path, event())
    assert console("callbacks", "close", first.id).stdout == f"{first.id}: closed.\n"
    assert json.loads(console("callbacks", "revoke", second.id, "--json").stdout)["state"] == "revoked"
    won = console("callbacks", "close", done.id, code=1).stderr
    assert "(409 completing)" in won
    assert console("callbacks", "revoke", console.issue().id, client="other", code=1).stderr


def test_ops_complete_one_by_hand_and_it_is_recorded_as_such(console: Console) -> None:
    callback = console.issue()
    data = '{"id": "pay_1", "amount": 12.10, "big": 12345678901234567890}'
    done = console("callbacks", "complete", callback.id, data).stdout
    assert f"{callback.id}: completed as payment.succeeded, recorded as dl_" in done
    (call,) = console.ingress.wait_for(callback.awakeable)
    envelope = json.loads(call.body)
    assert call.path.endswith("/resolve")
    assert data.encode() in call.body, "byte for byte"
    assert (envelope["source"], envelope["provider"]) == ("/sources/manual", "manual")
    assert (envelope["type"], envelope["outcome"]) == ("payment.succeeded", "succeeded")
    assert (envelope["subject"], envelope["id"]) == (callback.id, done.split()[-1].rstrip("."))
    delivery = console("deliveries", "show", envelope["id"]).stdout
    assert "completed by hand by the client ops" in delivery
    assert console.send(callback.path, event()).json() == {"outcome": "duplicate"}
    again = console("callbacks", "complete", callback.id, data, code=1).stderr
    assert "it is completed already; nothing was done (409 conflict)" in again
    assert len(console.ingress.calls_for(callback.awakeable)) == 1


def test_a_failure_by_hand_rejects_with_its_reason(console: Console) -> None:
    callback = console.issue()
    done = json.loads(
        console(
            "callbacks", "complete", callback.id, "-", "--failed", "--reason", "refunded by phone", "--json",
            stdin="null",
        ).stdout
    )  # fmt: skip
    assert (done["outcome"], done["type"]) == ("completed", "payment.declined")
    (call,) = console.ingress.wait_for(callback.awakeable)
    assert call.path.endswith("/reject")
    assert call.body.decode() == f"payment.declined: refunded by phone (event {done['delivery_id']})"
    assert console.callback(callback.id)["state"] == "failed"


def test_what_no_rule_names_is_of_a_type_of_its_own_or_the_one_that_is_given(console: Console) -> None:
    first, second = console.issue("mailer"), console.issue("mailer")
    assert "as manual.succeeded" in console("callbacks", "complete", first.id, "{}").stdout
    assert "as opened," in console("callbacks", "complete", second.id, "{}", "--type", "opened").stdout


def test_while_restate_is_away_it_is_kept_and_brought_later(console: Console) -> None:
    callback = console.issue()
    console.ingress.react = lambda call: Reaction(503)
    assert ": pending as payment.succeeded" in console("callbacks", "complete", callback.id, "{}").stdout
    console.ingress.react = lambda call: Reaction(202)
    console.wait_for_outcome(callback.id, "completed")
    envelope = json.loads(console.ingress.calls_for(callback.awakeable)[-1].body)
    assert envelope["provider"] == "manual"


def test_only_ops_complete_by_hand(console: Console) -> None:
    callback = console.issue()
    refused = console("callbacks", "complete", callback.id, "{}", client="orders", code=1).stderr
    assert "(403 forbidden)" in refused
    assert console.callback(callback.id)["state"] == "open"


@pytest.mark.parametrize("data", ["", "{", "NaN", '{"a": 1e}', '"\\ud800"', "[" * 200 + "]" * 200])
def test_what_the_waiting_code_could_not_read_is_refused(console: Console, data: str) -> None:
    callback = console.issue()
    assert (
        "body: JSON is needed"
        in console("callbacks", "complete", callback.id, "-", stdin=data, code=1).stderr
    )
    assert console.callback(callback.id)["deliveries"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--state", "lost"),
        ("list", "--limit", "0"),
        ("show",),
        ("show", "../keys"),
        ("issue",),
        ("issue", "--source", "pay", "--idempotency-key", "clé"),
        ("complete", "cb_1"),
        ("finish", "cb_1"),
    ],
    ids=" ".join,
)
def test_called_wrongly_is_exit_code_2(console: Console, arguments: tuple[str, ...]) -> None:
    assert console("callbacks", *arguments, code=2).stderr


@pytest.mark.parametrize("verb", ["list", "show", "issue", "close", "revoke", "complete"])
def test_each_help_has_an_example(console: Console, verb: str) -> None:
    assert f"Example: gateway callbacks {verb}" in console("callbacks", verb, "--help").stdout
