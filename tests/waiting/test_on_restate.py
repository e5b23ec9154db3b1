"""
What a real Restate says of invocations that finished, were killed, cancelled, purged, paused or run again,
and what the gateway makes of it.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.gateway.canaries import scan
from tests.gateway.webhooks import Webhook
from tests.waiting.waiters import Waiters, Waiting, until

PAIRS = 200


@pytest.fixture
def live(waiters: Waiters) -> Waiting:
    """One that waits while others do not: without it, what is missing says nothing."""
    return waiters.waiting()


def has_effect(waiters: Waiters, one: Waiting) -> bool:
    """Whether a signal of an awakeable is in the invocation's journal."""
    rows = waiters.stack.restate.query(
        f"SELECT entry_lite_json FROM sys_journal WHERE id = '{one.invocation}' "
        "AND entry_type = 'Notification: Signal'"
    )
    # Signal 1 cancels.
    return any('"SignalIndex":1}' not in row["entry_lite_json"] for row in rows)


def ended(waiters: Waiters, how: str) -> Waiting:
    """A callback whose invocation is over."""
    one = waiters.waiting(seconds=0.1 if how == "timeout" else 600)
    waiters.end(one, how)
    return one


def test_the_invocation_is_computed_right_and_no_live_one_is_swept_while_it_completes(
    waiters: Waiters,
) -> None:
    ones = waiters.issued(*(waiters.start() for _ in range(PAIRS)))
    with ThreadPoolExecutor(8) as pool:
        shown = list(pool.map(waiters.shown, ones))
        assert [one["invocation_id"] for one in shown] == [one.invocation for one in ones]
        assert {one["waiting"] for one in shown} == {"waiting"}
        # Looked at again and again while events complete one after the other.
        sent = [pool.submit(waiters.send, one) for one in ones]
        while not all(one.done() for one in sent):
            waiters.make_due(*ones)
            # The ledger's lock is for the gateway too.
            time.sleep(0.1)
        answers = [one.result().status_code for one in sent]
        after = list(pool.map(waiters.shown, ones))
    assert set(answers) <= {200, 202}
    assert {(one["state"], one["orphaned"]) for one in after} == {("completed", False)}
    for one in ones:
        waiters.wait_for(one, took_effect="yes", orphaned=False)
    log = waiters.log
    assert not any(one.invocation in log for one in ones)


def test_a_value_that_was_waited_for_took_effect(waiters: Waiters) -> None:
    one = waiters.waiting()
    webhook = waiters.event()
    assert waiters.send(one, webhook).status_code == 200
    waiters.wait_for(one, state="completed", took_effect="yes", waiting="finished", orphaned=False)
    # A repeat is a duplicate still.
    assert waiters.send(one, webhook).json() == {"outcome": "duplicate"}


@pytest.mark.parametrize("how", ["timeout", "kill", "cancel"])
def test_a_value_that_came_too_late_took_no_effect_and_what_follows_is_410(
    waiters: Waiters, how: str
) -> None:
    one = ended(waiters, how)
    assert waiters.shown(one)["waiting"] == "finished"
    first = waiters.event()
    assert waiters.send(one, first).status_code == 200
    waiters.wait_for(one, state="completed", took_effect="no")
    assert not has_effect(waiters, one)
    for again in (first, waiters.event(), waiters.event("payment.processing")):
        answer = waiters.send(one, again)
        assert (answer.status_code, answer.json()) == (410, {"outcome": "late"})
    refused = waiters.send(one, waiters.event("payment.declined"))
    assert refused.status_code == 410
    *_, last = waiters.shown(one)["deliveries"]
    assert (last["outcome"], last["contradicts"]) == ("late", True)
    (line,) = [line for line in waiters.log.splitlines() if "no effect" in line and one.callback in line]
    assert '"level":"error"' in line
    assert one.invocation not in waiters.log


def test_a_value_for_one_that_was_purged_before_is_unknown_never_guessed(
    waiters: Waiters, live: Waiting
) -> None:
    one = ended(waiters, "purge")
    assert waiters.shown(one)["waiting"] == "finished"
    assert waiters.send(one).status_code == 200
    # The look after ten minutes is the last.
    waiters.make_due(one, state_at=1)
    waiters.looked_at(one)
    waiters.wait_for(one, state="completed", took_effect="unknown")
    assert waiters.send(one).json() == {"outcome": "duplicate"}


def test_a_success_that_restate_forgets_at_once_raises_no_alarm(waiters: Waiters, live: Waiting) -> None:
    one = waiters.waiting("forgotten")
    assert waiters.send(one).status_code == 200
    until(lambda: waiters.status(one.invocation) == [])
    waiters.make_due(one, state_at=1)
    waiters.looked_at(one)
    assert waiters.shown(one)["took_effect"] == "unknown"


@pytest.mark.parametrize("how", ["timeout", "kill", "cancel", "purge"])
def test_an_orphan_is_shown_then_closed(waiters: Waiters, live: Waiting, how: str) -> None:
    one = ended(waiters, how)
    assert waiters.shown(one)["orphaned"] is False
    waiters.make_due(one, live)
    waiters.wait_for(one, orphaned=True, state="open")
    listed = waiters.stack.gateway_api.get("/v1/callbacks", params={"orphaned": True, "limit": 500}).json()
    assert one.callback in {callback["id"] for callback in listed["callbacks"]}
    assert live.callback not in {callback["id"] for callback in listed["callbacks"]}
    waiters.make_due(one, live)
    waiters.wait_for(one, orphaned=True, state="closed")
    assert waiters.shown(live)["state"] == "open"
    answer = waiters.send(one)
    assert (answer.status_code, answer.json()) == (410, {"outcome": "late"})
    assert not has_effect(waiters, one)


def test_an_orphan_s_value_took_no_effect_even_if_restate_has_forgotten_its_invocation(
    waiters: Waiters, live: Waiting
) -> None:
    one = ended(waiters, "purge")
    waiters.make_due(one, live)
    waiters.wait_for(one, orphaned=True, state="open")
    assert waiters.send(one).status_code == 200
    waiters.wait_for(one, state="completed", took_effect="no")
    assert waiters.send(one).status_code == 410


def test_a_value_for_a_paused_invocation_takes_effect_once_it_is_resumed(waiters: Waiters) -> None:
    one = waiters.waiting("broken")
    until(lambda: waiters.status(one.invocation) == [{"status": "paused"}])
    assert waiters.shown(one)["waiting"] == "waiting"
    assert waiters.send(one).status_code == 200
    waiters.wait_for(one, took_effect="yes", waiting="waiting")
    assert any("paused" in line and one.callback in line for line in waiters.log.splitlines())
    waiters.mended.touch()
    waiters.stack.restate.admin.patch(f"/invocations/{one.invocation}/resume").raise_for_status()
    until(lambda: waiters.status(one.invocation) == [{"status": "completed"}])
    answer = waiters.stack.restate.ingress.get(f"/restate/invocation/{one.invocation}/attach")
    assert answer.json() == "event"


def test_a_workflow_s_key_that_is_used_again_leaves_the_first_run_s_callback_an_orphan(
    waiters: Waiters,
) -> None:
    key = uuid.uuid4().hex
    first = waiters.waiting(key=key, label="first")
    waiters.end(first, "purge")
    second = waiters.waiting(key=key, label="second")
    assert second.invocation == first.invocation
    # As if the first had been issued an hour ago.
    before = 3_600_000
    for _ in range(2):
        waiters.make_due(first, created_at=f"created_at - {before}")
        waiters.make_due(second)
        waiters.looked_at(first, second)
    assert waiters.shown(first)["state"] == "closed"
    assert waiters.send(first).status_code == 410
    assert waiters.shown(second)["state"] == "open"
    assert waiters.send(second).status_code == 200
    waiters.wait_for(second, took_effect="yes")


def test_the_journal_holds_neither_keys_nor_secrets_nor_signatures_nor_headers(waiters: Waiters) -> None:
    one = waiters.waiting()
    workflow = uuid.uuid4().hex
    target = {"workflow": "Checkout", "key": workflow, "promise": "payment"}
    issued = waiters.stack.gateway_api.post("/v1/callbacks", json={"source": "acmepay", "target": target})
    keys = json.loads((waiters.stack.files.gateway_toml.parent / "keys.json").read_text())["keys"]
    secret = waiters.stack.files.acmepay_secret.read_text().strip()
    header = f"canary-of-a-header-{uuid.uuid4().hex}"
    names = ("cookie", "authorization", "x-extra", "idempotency-key", "x-restate-id", "baggage", "tracestate")
    canaries: dict[str, str | bytes] = {
        **{f"signing key {key['id']}": bytes.fromhex(key["secret"]) for key in keys},
        "provider's secret": secret.removeprefix("whsec_"),
        "provider's secret, decoded": base64.b64decode(secret.removeprefix("whsec_")),
        "bearer token": waiters.stack.files.client_token.read_text().strip(),
        "header": header,
    }
    for number, url in enumerate((one.url, issued.json()["url"])):
        webhook = waiters.event()
        canaries[f"signature {number}"] = webhook.headers["webhook-signature"].removeprefix("v1,")
        canaries[f"token {number}"] = url.rpartition("/")[2].partition(".")[2]
        headers = webhook.headers | dict.fromkeys(names, header)
        assert waiters.send(Waiting("", "", url), Webhook(webhook.body, headers)).status_code == 200
    waiters.wait_for(one, took_effect="yes")
    of_workflow = f"SELECT id FROM sys_invocation WHERE target_service_key = '{workflow}'"
    restate = waiters.stack.restate
    until(lambda: restate.query(f"{of_workflow} AND status = 'completed'"))
    shown: dict[str, str] = {}
    raw: dict[str, bytes] = {}
    for name, query in {
        "journal": f"SELECT * FROM sys_journal WHERE id IN ({of_workflow})",
        "invocation": f"SELECT * FROM sys_invocation WHERE target_service_key = '{workflow}'",
        "promise": f"SELECT * FROM sys_promise WHERE service_key = '{workflow}'",
        "waiting journal": f"SELECT * FROM sys_journal WHERE id = '{one.invocation}'",
        "waiting invocation": f"SELECT * FROM sys_invocation WHERE id = '{one.invocation}'",
    }.items():
        rows = restate.query(query)
        assert rows, name
        for number, row in enumerate(rows):
            shown[f"{name} {number}"] = json.dumps(row)
            raw[f"{name} {number}, raw"] = bytes.fromhex(row.get("raw") or "")
    # The one place for a token: what the step that asked for the URL was given.
    (asked,) = [name for name, text in raw.items() if one.url.encode() in text]
    del raw[asked], shown[asked.removesuffix(", raw")]
    assert scan(shown, canaries) + scan(raw, canaries) == []
    # The event itself is there.
    assert any(b"pay_1" in text for text in raw.values())


def test_an_invocation_that_is_restarted_as_new_waits_for_a_callback_of_its_own(waiters: Waiters) -> None:
    old = ended(waiters, "kill")
    answer = waiters.stack.restate.admin.patch(f"/invocations/{old.invocation}/restart-as-new")
    (new,) = waiters.issued(answer.json()["new_invocation_id"])
    assert waiters.send(old).status_code == 200
    waiters.wait_for(old, took_effect="no")
    assert waiters.send(old).status_code == 410
    assert waiters.shown(new)["waiting"] == "waiting"
    assert not has_effect(waiters, new)
    assert waiters.send(new).status_code == 200
    waiters.wait_for(new, took_effect="yes")
