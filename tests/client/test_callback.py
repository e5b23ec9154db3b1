"""One event, one waiting handler: on a real Restate server where every wait is a suspension."""

from __future__ import annotations

import time

import pytest

from tests.client.conftest import Waiting
from tests.client.fake_gateway import TOKEN, FakeGateway


def test_an_event_resumes_the_suspended_handler_with_typed_data(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("one", label, typed=True)
    issued = gateway.the(label)
    waiting.suspended(invocation)
    gateway.send(issued, {"id": "pay_1", "amount": 12.5})
    result = waiting.result(invocation)
    assert result["event"]["data"] == {"id": "pay_1", "amount": "12.5"}
    assert (result["id"], result["type"]) == (issued.id, "Payment")


def test_an_event_that_comes_before_the_handler_waits_is_taken(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    gateway.hangs = True
    invocation = waiting.start("one", label)
    gateway.send(gateway.the(label), "early")
    gateway.hangs = False
    assert waiting.result(invocation)["event"]["data"] == "early"


def test_a_failure_is_raised_with_its_event(waiting: Waiting, gateway: FakeGateway, label: str) -> None:
    invocation = waiting.start("one", label, typed=True)
    # A decline does not look like a payment.
    gateway.send(gateway.the(label), {"code": 51}, outcome="failed", reason="no funds")
    result = waiting.result(invocation)
    assert (result["error"], result["message"]) == (
        "CallbackRejected",
        "payment.failed: no funds (event evt_1)",
    )
    assert result["event"]["data"] == {"code": 51}


def test_an_event_that_does_not_fit_is_an_error_and_is_not_retried(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("one", label, typed=True)
    gateway.send(gateway.the(label), {"id": "pay_1", "amount": "a customer's words"})
    result = waiting.result(invocation)
    assert result["error"] == "CallbackUnreadable"
    assert "data.amount" in result["message"]
    assert "customer" not in result["message"]
    assert result["event"]["data"]["id"] == "pay_1"


@pytest.mark.parametrize("body", [b"", b"null", b"[1]", b"{", b'{"specversion": "1.0"}', b'"\xff"'])
def test_a_value_that_is_no_event_is_an_error_and_is_not_retried(
    waiting: Waiting, gateway: FakeGateway, label: str, body: bytes
) -> None:
    invocation = waiting.start("one", label)
    target = gateway.the(label).body["target"]["awakeable"]
    waiting.restate.ingress.post(
        f"/restate/awakeables/{target}/resolve", content=body, headers={"content-type": "application/json"}
    ).raise_for_status()
    assert waiting.result(invocation)["error"] == "CallbackUnreadable"


def test_a_timeout_closes_the_callback(waiting: Waiting, gateway: FakeGateway, label: str) -> None:
    before = time.monotonic()
    result = waiting.result(waiting.start("one", label, seconds=0.3))
    assert (result["error"], result["closed"]) == ("CallbackTimedOut", True)
    assert gateway.the(label).state == "closed"
    assert 0.3 < time.monotonic() - before < 10


def test_an_event_that_won_against_the_timeout_is_returned(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("one", label, seconds=0.3)
    gateway.win(gateway.the(label), {"data": "just in time"})
    assert waiting.result(invocation)["event"]["data"] == "just in time"


def test_a_winner_is_waited_for_however_late_its_value_comes(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    gateway.requests.clear()
    invocation = waiting.start("one", label, seconds=0.3)
    issued = gateway.the(label)
    gateway.win(issued)
    while "close" not in gateway.requests:
        time.sleep(0.01)
    waiting.suspended(invocation)
    gateway.send(issued, "late, and in time")
    assert waiting.result(invocation)["event"]["data"] == "late, and in time"


def test_the_deadline_starts_when_the_callback_is_issued(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("one", label, seconds=0.3, busy=0.6)
    assert waiting.result(invocation)["error"] == "CallbackTimedOut"


def test_an_event_that_came_in_time_is_returned_to_a_handler_that_asks_after_its_deadline(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("one", label, seconds=0.5, busy=1)
    gateway.send(gateway.the(label), "in time")
    assert waiting.result(invocation)["event"]["data"] == "in time"


def test_a_busy_handler_waits_for_a_winner_too(waiting: Waiting, gateway: FakeGateway, label: str) -> None:
    gateway.requests.clear()
    invocation = waiting.start("one", label, seconds=0.2, busy=0.4)
    issued = gateway.the(label)
    gateway.win(issued)
    while "close" not in gateway.requests:
        time.sleep(0.01)
    waiting.suspended(invocation)
    gateway.send(issued, "late, and in time")
    assert waiting.result(invocation)["event"]["data"] == "late, and in time"


@pytest.mark.parametrize("status", [401, 404])
def test_a_timeout_stays_one_where_closing_is_refused(
    waiting: Waiting, gateway: FakeGateway, label: str, status: int
) -> None:
    gateway.answers["close"] = [status]
    result = waiting.result(waiting.start("one", label, seconds=0.3))
    assert (result["error"], result["closed"]) == ("CallbackTimedOut", False)


def test_a_timeout_stays_one_where_the_gateway_is_away(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    gateway.answers["close"] = [503] * 100
    before = time.monotonic()
    result = waiting.result(waiting.start("one", label, seconds=0.3))
    gateway.answers.clear()
    assert (result["error"], result["closed"]) == ("CallbackTimedOut", False)
    # The handlers of these tests try for 3 s.
    assert 2 < time.monotonic() - before < 15


def test_a_cancelled_handler_ends_as_cancelled_even_while_it_closes(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    gateway.answers["close"] = [503] * 100
    gateway.requests.clear()
    invocation = waiting.start("one", label, seconds=0.3)
    while "close" not in gateway.requests:
        time.sleep(0.01)
    waiting.restate.admin.patch(f"/invocations/{invocation}/cancel").raise_for_status()
    ended = waiting.ended(invocation)
    gateway.answers.clear()
    assert (ended.status_code, ended.json()["message"]) == (409, "cancelled")


def test_two_callbacks_of_one_handler_get_their_own_events(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("two", label)
    first, second = gateway.the(f"{label}-1"), gateway.the(f"{label}-2")
    assert first.key != second.key
    gateway.send(second, "of the second")
    gateway.send(first, "of the first")
    result = waiting.result(invocation)
    assert [each["event"]["data"] for each in result] == ["of the second", "of the first"]
    names = journal(waiting, invocation, "name")
    assert [name for name in names if name.endswith("issue")] == [
        "callback 1 (acmepay): issue",
        "callback 2 (idcheck): issue",
    ]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_issuing_is_tried_again_with_the_same_key(
    waiting: Waiting, gateway: FakeGateway, label: str, status: int
) -> None:
    gateway.answers["callbacks"] = [status, status]
    gateway.keys.clear()
    invocation = waiting.start("one", label)
    issued = gateway.the(label)
    gateway.send(issued, "paid")
    assert waiting.result(invocation)["event"]["data"] == "paid"
    assert gateway.keys == [issued.key] * 3


@pytest.mark.parametrize("status", [401, 403, 404, 422])
def test_a_refusal_to_issue_ends_the_handler_with_the_gateways_words(
    waiting: Waiting, gateway: FakeGateway, label: str, status: int
) -> None:
    gateway.answers["callbacks"] = [status]
    ended = waiting.ended(waiting.start("one", label))
    assert ended.status_code == status
    assert ended.json()["message"] == (
        f"the gateway refused to issue a callback: this is asked_for ({status} asked_for, request req_1)"
    )


def test_a_process_that_is_killed_while_it_issues_issues_once(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    gateway.hangs = True
    gateway.keys.clear()
    invocation = waiting.start("one", label)
    issued = gateway.the(label)
    waiting.part.kill()
    gateway.hangs = False
    waiting.part.start()
    waiting.part.wait_ready()
    gateway.send(gateway.the(label), "paid")
    assert waiting.result(invocation)["id"] == issued.id
    assert gateway.keys == [issued.key] * 2


def test_a_handler_that_gives_up_closes_its_callback(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    assert waiting.result(waiting.start("given_up", label)) == [True, True]
    assert gateway.the(label).state == "closed"


def test_an_alias_is_told_to_the_gateway(waiting: Waiting, gateway: FakeGateway, label: str) -> None:
    url = waiting.result(waiting.start("url_and_alias", label))
    assert url == f"http://hooks/c/{gateway.the(label).id}"
    assert gateway.the(label).aliases == ["pi_123"]


def test_the_url_of_a_source_with_one_url_per_account_is_an_error_that_says_what_to_do(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    ended = waiting.ended(waiting.start("url_and_alias", label, source="account-only"))
    assert ended.status_code == 500
    assert "account_url" in ended.json()["message"]


def test_what_is_asked_for_reaches_the_gateway(waiting: Waiting, gateway: FakeGateway, label: str) -> None:
    waiting.start("one", label, seconds=60)
    body = gateway.the(label).body
    awakeable = body.pop("target")["awakeable"]
    assert awakeable.startswith("sign_1")
    assert body == {
        "source": "acmepay",
        "label": label,
        "expires_in": 60 + 15 * 60,
        "on_failure": "resolve",
    }


def test_an_approval_gives_each_recipient_a_link_and_returns_the_decision(
    waiting: Waiting, gateway: FakeGateway, label: str
) -> None:
    invocation = waiting.start("approval", label)
    issued = gateway.the(label)
    decision = {"action": "approve", "recipient": "bob", "comment": None}
    gateway.send(issued, decision, type="approval.approve")
    result = waiting.result(invocation)
    assert result["bob"] == f"http://hooks/a/{issued.id}-bob"
    assert (result["event"]["data"], result["type"]) == (decision, "Decision")
    assert (issued.path, issued.body["title"]) == ("/v1/approvals", "A title")


def test_the_token_is_nowhere_in_restate(waiting: Waiting, gateway: FakeGateway, label: str) -> None:
    gateway.answers["callbacks"] = [503, 503]
    invocation = waiting.start("one", label, seconds=0.3)
    waiting.result(invocation)
    gateway.answers["callbacks"] = [401]
    refused = waiting.start("one", f"{label}-refused")
    assert waiting.ended(refused).status_code == 401
    for table in ("sys_journal", "sys_journal_events", "sys_invocation"):
        where = f"where id in ('{invocation}', '{refused}')"
        rows = str(waiting.restate.query(f"select * from {table} {where}"))
        assert len(rows) > 100
        assert TOKEN not in rows
        assert TOKEN.encode().hex() not in rows


def journal(waiting: Waiting, invocation: str, column: str) -> list[str]:
    """A column of an invocation's journal, in order, where it is set."""
    query = f"select {column} from sys_journal where id = '{invocation}' order by index"
    return [row[column] for row in waiting.restate.query(query) if row.get(column)]
