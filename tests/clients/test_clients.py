"""Clients that come, go, change their tokens and keep within their bounds, while others go on issuing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.clients.conftest import Office
from tests.clients.traffic import Traffic
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import new_awakeable
from tests.gateway.webhooks import event


def request(**changes: Any) -> dict[str, Any]:
    """A request for a callback for an awakeable of its own."""
    return {"source": "pay", "target": {"awakeable": new_awakeable()}, **changes}


def issue(client: httpx.Client, key: str | None = None, **changes: Any) -> httpx.Response:
    """Issue a callback; where the disk is busy, as a client does, again."""
    headers = {"idempotency-key": key} if key else {}
    body = request(**changes)
    while (answer := client.post("/v1/callbacks", json=body, headers=headers)).status_code == 503:
        pass
    return answer


def refusal(answer: httpx.Response, status: int, code: str) -> str:
    """The words of a refusal."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return str(answer.json()["detail"])


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A gateway that the module's tests share, each with clients of its own."""
    ingress = FakeIngress()
    ingress.start()
    running = Office(tmp_path_factory.mktemp("office"), [ingress.url])
    try:
        running.start()
        yield running
    finally:
        running.stop()
        ingress.stop()


def test_a_clients_tokens_rotate_under_load_and_none_of_its_requests_is_refused(office: Office) -> None:
    old = office.cli("clients", "add", "shop", "--source", "pay").stdout.strip()
    office.until(lambda: office.accepts(old))
    using = [old]

    def send(number: int) -> httpx.Response:
        token = using[number % len(using)]
        headers = {"authorization": f"Bearer {token}"}
        return office.anonymous.post("/v1/callbacks", json=request(), headers=headers)

    with Traffic(send) as traffic:
        traffic.more(20)
        added = office.cli("clients", "add", "shop")
        new = added.stdout.strip()
        assert "has a second token" in added.stderr
        office.until(lambda: office.accepts(new))
        using[:] = [old, new]
        traffic.more(20)
        using[:] = [new]
        traffic.more(4)  # what was on its way has come
        shown = json.loads(office.cli("clients", "list", "--json").stdout)
        (shop,) = [one for one in shown if one["name"] == "shop"]
        fingerprint = shop["tokens"][0]["fingerprint"]
        assert fingerprint not in new
        office.cli("clients", "remove", "shop", "--token", fingerprint)
        office.until(lambda: not office.accepts(old))
        traffic.more(20)
    assert set(traffic.answers) == {"accepted"}, traffic.answers
    everything = office.log + office.clients_file.read_text() + json.dumps(shown)
    assert old not in everything
    assert new not in everything


def test_a_clients_file_that_goes_wrong_refuses_nobody_and_is_told(office: Office) -> None:
    shop = office.file_client("shop")
    good = office.clients_file.read_text()
    with Traffic(lambda number: shop.post("/v1/callbacks", json=request()), threads=1) as traffic:
        for text in ("", good[:30], '{"clients": {"shop": {"token_sha256": ["x"]}}}', None):
            if text is None:
                office.clients_file.unlink()
            else:
                office.clients_file.write_text(text)
            office.until(lambda: any("clients_file" in reason for reason in office.reasons()))
            traffic.more(3)
            office.clients_file.write_text(good)
            office.until(lambda: not any("clients_file" in reason for reason in office.reasons()))
    assert set(traffic.answers) == {"accepted"}, traffic.answers


def test_targets_keep_a_client_off_other_services(office: Office) -> None:
    aimer = office.file_client("aimer", targets=["Checkout/*", "Inbox/take"])
    for target in (
        {"workflow": "Checkout", "key": "k", "promise": "paid"},
        {"workflow": "Checkout", "key": "k", "promise": "paid", "handler": "other"},
        {"service": "Inbox", "key": "k", "handler": "take"},
    ):
        assert issue(aimer, target=target).status_code == 201
    for target, name in (
        ({"awakeable": new_awakeable()}, "awakeable"),
        ({"workflow": "Payroll", "key": "k", "promise": "paid"}, "Payroll/gateway_callback"),
        ({"service": "Inbox", "key": "k", "handler": "drop"}, "Inbox/drop"),
    ):
        said = refusal(issue(aimer, target=target), 403, "forbidden")
        assert said == (
            f'the client "aimer" may not aim at {name}; clients.aimer.targets allows Checkout/*, Inbox/take'
        )
    people = {"title": "?", "recipients": ["a"], "target": {"awakeable": new_awakeable()}}
    refusal(aimer.post("/v1/approvals", json=people), 403, "forbidden")


def test_a_client_has_so_many_open_callbacks_and_no_more(office: Office) -> None:
    hoarder = office.file_client("hoarder", max_open=2)
    first = issue(hoarder, "first")
    assert (first.status_code, issue(hoarder).status_code) == (201, 201)
    for _ in range(3):
        answer = issue(hoarder)
        assert "clients.hoarder.max_open: the client has 2 open callbacks" in refusal(
            answer, 429, "too_many_open"
        )
        assert answer.headers["retry-after"] == "30"
    people = {"title": "?", "recipients": ["a"], "target": {"awakeable": new_awakeable()}}
    refusal(hoarder.post("/v1/approvals", json=people), 429, "too_many_open")
    # Another client is not concerned, and one that is completed makes room.
    assert issue(office.api).status_code == 201
    path = first.json()["url"].removeprefix(office.public_url)
    assert office.send(path, event()).json() == {"outcome": "completed"}
    assert issue(hoarder).status_code == 201
    refusal(issue(hoarder), 429, "too_many_open")


def test_a_client_issues_so_fast_and_no_faster(office: Office) -> None:
    hasty = office.file_client("hasty", rate="3/h")
    body, headers = request(), {"idempotency-key": os.urandom(8).hex()}
    first = hasty.post("/v1/callbacks", json=body, headers=headers)
    # A repeat is answered the same and counts for nothing, before the bound and past it.
    for _ in range(4):
        assert hasty.post("/v1/callbacks", json=body, headers=headers).json() == first.json()
    assert [issue(hasty).status_code for _ in range(3)] == [201, 201, 429]
    assert hasty.post("/v1/callbacks", json=body, headers=headers).json() == first.json()
    answer = issue(hasty, "another")
    assert "clients.hasty.rate: 3/h" in refusal(answer, 429, "issuing_too_fast")
    assert 600 < int(answer.headers["retry-after"]) <= 1200
    # It still may look, and close, and others are not concerned.
    assert hasty.post(f"/v1/callbacks/{first.json()['id']}/close").status_code == 200
    assert issue(office.api).status_code == 201


def test_a_client_sees_the_sources_that_it_may_use(office: Office) -> None:
    shop = office.file_client("shop", sources=["pay", "stripe-*"])
    assert [one["name"] for one in shop.get("/v1/sources").json()] == ["pay", "stripe-eu"]
    desk = office.file_client("desk", sources=[], ops=True)
    assert "mailer" in [one["name"] for one in desk.get("/v1/sources").json()]
    refusal(issue(desk), 403, "forbidden")


@pytest.mark.parametrize("token", ["x", "é", "gwt_" + "A" * 43, "A" * 5000])
def test_a_token_of_nobody_is_401(office: Office, token: str) -> None:
    headers = {b"authorization": b"Bearer " + token.encode()}
    answer = office.anonymous.post("/v1/callbacks", json=request(), headers=headers)
    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"
