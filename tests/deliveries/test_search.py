"""Searching deliveries: what is found, by whom, and in which order."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway import ids
from gateway.ledger import deliveries
from gateway.ledger.deliveries import Search, Viewer
from gateway.ledger.sqlite import SqliteLedger
from tests.core.samples import NOW
from tests.deliveries.conftest import Lab, by_hmac
from tests.gateway.canaries import scan
from tests.gateway.process import Issued, new_awakeable
from tests.gateway.webhooks import FOREIGN_SECRET, event, signed
from tests.ledger import samples


def _ids(found: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in found]


class TestWhatIsFound:
    def test_an_event_with_its_outcome_its_callback_and_its_secret(self, lab: Lab) -> None:
        callback = lab.issue()
        lab.send(callback.path, event(event_id="msg_1"))
        (found,) = lab.search()
        assert found["body_kept"]
        assert (found["outcome"], found["reason"]) == (None, None)
        lab.wait_for_outcome(callback.id, "completed")
        (shown,) = lab.search()[0]["events"]
        assert shown == {
            "event_id": "msg_1",
            "type": "payment.succeeded",
            "callback_id": callback.id,
            "outcome": "completed",
            "conflict": False,
            "contradicts": False,
            "sequence": None,
            "attempts": 0,
            "error": None,
        }

    def test_by_each_of_its_filters(self, lab: Lab) -> None:
        one, two = lab.issue(), lab.issue()
        lab.send(one.path, event(event_id="msg_1"))
        lab.send(two.path, event("payment.other", event_id="msg_2"))
        lab.send("/s/shop", by_hmac({"type": "paid", "id": "evt_3"}))
        lab.send("/s/pay", event(secret=FOREIGN_SECRET))
        lab.one(outcome="unverified")
        refused, unmatched, filtered, completed = lab.search()
        lab.wait_for_outcome(one.id, "completed")
        for query, expected in (
            ({"source": "shop"}, [unmatched]),
            ({"source": "pay"}, [refused, filtered, completed]),
            ({"callback": two.id}, [filtered]),
            ({"outcome": "unmatched"}, [unmatched]),
            ({"outcome": "completed"}, [completed]),
            ({"outcome": "filtered", "source": "shop"}, []),
            ({"event_id": "msg_2"}, [filtered]),
            ({"event_id": "evt_3", "outcome": "unmatched", "source": "shop"}, [unmatched]),
            ({"since": "2000-01-01"}, [refused, unmatched, filtered, completed]),
            ({"since": "0001-01-01T00:00:00Z", "callback": one.id}, [completed]),
            ({"since": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}, []),
            ({"since": refused["received_at"]}, [refused]),
        ):
            assert _ids(lab.search(**query)) == _ids(expected), query

    def test_page_by_page_each_once_newest_first(self, lab: Lab) -> None:
        for number in range(7):
            lab.send("/s/shop", by_hmac({"type": "paid", "id": f"evt_{number}"}))
        found: list[str] = []
        cursor = ""
        while True:
            page = lab.api.get("/v1/deliveries", params={"limit": 3, "cursor": cursor}).json()
            found += [one["events"][0]["event_id"] for one in page["deliveries"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert found == [f"evt_{number}" for number in reversed(range(7))]

    def test_a_filter_that_is_none_is_422_and_a_delivery_that_is_not_there_404(self, lab: Lab) -> None:
        for query in (
            *("outcome=lost", "limit=0", "limit=501", "limit=x", "cursor=x", "cursor=dl_%00", "since=noon"),
            *("callback=x", "source=A%20B", "event_id=%00", "event_id=" + "x" * 513),
        ):
            answer = lab.api.get(f"/v1/deliveries?{query}")
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
            assert answer.json()["detail"].startswith(f"query.{query.partition('=')[0]}")
        for name in ("dl_", "x", "dl_" + "0" * 26, "dl_%00", "%ED%A0%80", "cb_" + "0" * 26):
            path = f"/v1/deliveries/{name}"
            for answer in (lab.api.get(path), lab.api.post(f"{path}/replay")):
                assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


class TestWho:
    @pytest.fixture
    def other(self, lab: Lab) -> Iterator[httpx.Client]:
        with lab.as_client("other") as client:
            yield client

    @pytest.fixture
    def narrow(self, lab: Lab) -> Iterator[httpx.Client]:
        with lab.as_client("narrow") as client:
            yield client

    @staticmethod
    def _sees(client: httpx.Client) -> list[str]:
        return _ids(client.get("/v1/deliveries").json()["deliveries"])

    def test_without_a_clients_token_nothing_is_given(self, lab: Lab) -> None:
        path = f"/v1/deliveries/dl_{'0' * 26}"
        for method, asked in (("GET", "/v1/deliveries"), ("GET", path), ("POST", f"{path}/replay")):
            assert lab.anonymous.request(method, asked).status_code == 401

    def test_what_came_for_another_clients_callback_does_not_exist(
        self, lab: Lab, other: httpx.Client
    ) -> None:
        callback = lab.issue()
        lab.send(callback.path, event())
        lab.send(callback.path, event(secret=FOREIGN_SECRET))
        lab.one(outcome="unverified")
        assert len(lab.search()) == 2
        assert self._sees(other) == []
        for one in lab.search():
            assert other.get(f"/v1/deliveries/{one['id']}?body=true").status_code == 404
            assert other.post(f"/v1/deliveries/{one['id']}/replay").status_code == 404

    def test_what_nobody_claims_is_seen_by_who_may_use_the_source(
        self, lab: Lab, other: httpx.Client, narrow: httpx.Client
    ) -> None:
        lab.send("/s/pay", event(secret=FOREIGN_SECRET))
        lab.send("/s/shop", by_hmac({"type": "paid", "id": "evt_1"}))
        pay = lab.one(source="pay")["id"]
        shop = lab.one(source="shop")["id"]
        assert self._sees(other) == _ids(lab.search())
        assert self._sees(narrow) == [pay]
        assert narrow.get(f"/v1/deliveries/{shop}").status_code == 404

    def test_one_s_own_is_seen_whatever_its_source(self, lab: Lab, narrow: httpx.Client) -> None:
        body = {"source": "pay", "target": {"awakeable": new_awakeable()}}
        issued = narrow.post("/v1/callbacks", json=body).json()
        lab.send(issued["url"].removeprefix(lab.public_url), event())
        assert len(self._sees(narrow)) == 1
        lab.restart('sources = ["pay", "stripe-*"]', 'sources = ["stripe-*"]')
        (own,) = self._sees(narrow)
        assert narrow.post(f"/v1/deliveries/{own}/replay").status_code == 403

    def test_of_a_delivery_for_two_clients_each_sees_its_own_event_and_neither_the_body(
        self, lab: Lab, other: httpx.Client
    ) -> None:
        def issue(client: httpx.Client) -> str:
            body = {"source": "shop", "target": {"awakeable": new_awakeable()}}
            issued = client.post("/v1/callbacks", json=body).json()
            client.post(f"/v1/callbacks/{issued['id']}/aliases", json={"alias": "pay_1"}).raise_for_status()
            return str(issued["id"])

        mine, theirs = issue(lab.api), issue(other)
        lab.send("/s/shop", by_hmac({"type": "paid", "id": "evt_1", "payment": "pay_1"}))
        for client, own in ((lab.api, mine), (other, theirs)):
            *_, found = client.get("/v1/deliveries").json()["deliveries"]
            assert [one["callback_id"] for one in found["events"]] == [own]
            assert client.get(f"/v1/deliveries/{found['id']}?body=true").status_code == 403
            done = client.post(f"/v1/deliveries/{found['id']}/replay").json()
            assert [one["callback_id"] for one in done["events"]] == [own]


def test_a_body_is_shown_when_asked_for_and_only_then(lab: Lab) -> None:
    callback = lab.issue()
    webhook = event()
    lab.send(callback.path, webhook)
    found = lab.one()
    assert lab.detail(found["id"])["body"] is None
    assert lab.detail(found["id"], body=True)["body"]["text"] == webhook.body.decode()
    lab.sql("UPDATE deliveries SET body = ?", b"\xff\x00")
    assert lab.detail(found["id"], body=True)["body"] == {"base64": "/wA=", "text": None}
    lab.sql("UPDATE deliveries SET body = NULL")
    assert lab.detail(found["id"], body=True)["body"] is None
    assert not lab.one()["body_kept"]


def test_no_answer_holds_a_secret_a_token_a_signature_or_an_awakeable_id(lab: Lab) -> None:
    callback: Issued = lab.issue()
    canaries = {"token": callback.token, "awakeable": callback.awakeable}
    canaries |= {f"token of {name}": token for name, token in lab.tokens.items()}
    secret = f"a-secret-in-the-query-{os.urandom(8).hex()}"
    canaries["query"] = secret
    for number, webhook in enumerate(
        (event(), event(), event(secret=FOREIGN_SECRET), signed(b"not json"), event(signed_at=1))
    ):
        canaries[f"signature {number}"] = webhook.headers["webhook-signature"].removeprefix("v1,")
        lab.send(f"{callback.path}?key={secret}", webhook)
    lab.one(outcome="malformed")
    lab.wait_for(2, outcome="unverified")
    texts = {"search": lab.api.get("/v1/deliveries").text}
    for one in lab.search():
        for dry in (True, False):
            texts[f"replay of {one['id']}, {dry}"] = lab.replay_answer(one["id"], dry_run=dry).text
        texts[one["id"]] = lab.api.get(f"/v1/deliveries/{one['id']}").text
    texts["search again"] = lab.api.get("/v1/deliveries").text
    texts["the log"] = lab.log
    assert scan(texts, canaries) == []


class TestLarge:
    """A ledger with 30,000 deliveries: a search looks at a part at a time, and goes on."""

    COUNT = 30_000

    @pytest.fixture
    async def ledger(self, tmp_path: Path) -> Any:
        opened = SqliteLedger(tmp_path / "gateway.db")

        def fill(tx: Any) -> None:
            for number in range(self.COUNT):
                at = NOW + number
                tx.insert(
                    "deliveries",
                    {
                        "id": ids.new_id("dl", at, bytes(10)),
                        "source": "rare" if number == 5 else "acmepay",
                        "received_at": int(at * 1000),
                        "method": "POST",
                        "query": "",
                        "headers": "[]",
                        "body": b"x" * 100,
                        "secret": "",
                    },
                )

        await opened.write(fill, 30)
        yield opened
        opened.close()

    async def test_something_rare_is_found_by_going_on(self, ledger: SqliteLedger) -> None:
        viewer = Viewer("shop", ["acmepay", "rare"])
        found: list[str] = []
        cursor: str | None = ""
        rounds, slowest = 0, 0.0
        while cursor is not None:
            begun = time.monotonic()
            page = await ledger.read(deliveries.search(viewer, Search(source="rare", before=cursor), 50))
            slowest = max(slowest, time.monotonic() - begun)
            found += _ids(page.rows)
            cursor = page.next
            rounds += 1
        assert found == [ids.new_id("dl", NOW + 5, bytes(10))]
        assert rounds >= 6
        # /readyz waits a second for the same reader.
        assert slowest < 0.25

    async def test_what_is_older_than_since_is_not_looked_at(self, ledger: SqliteLedger) -> None:
        since = NOW + self.COUNT - 10
        page = await ledger.read(
            deliveries.search(Viewer("shop", ["acmepay"]), Search(source="rare", since=since), 50)
        )
        assert (page.rows, page.next) == ([], None)

    async def test_what_a_callback_has_is_found_at_once(self, ledger: SqliteLedger) -> None:
        callback = await samples.open_callback(ledger)
        await samples.deliver(ledger, callback, samples.event())
        page = await ledger.read(deliveries.search(Viewer("shop", []), Search(callback=callback.id), 50))
        assert len(page.rows) == 1
        assert page.next is None
