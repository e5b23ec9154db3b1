"""The internal API: who may do what, and what is said to a request that can't be granted."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.providers import CATALOGUE
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway, new_awakeable
from tests.gateway.webhooks import PAY_SECRETS, event, signed

MANY_DIGITS = "9" * 400


def _detail(answer: httpx.Response, status: int = 422, code: str = "invalid") -> str:
    """The text of a problem document, whose status and code are checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"] == answer.headers["x-request-id"]
    return str(document["detail"])


def _body(**changes: Any) -> dict[str, Any]:
    return {"source": "pay", "target": {"awakeable": new_awakeable()}, **changes}


class TestWho:
    @pytest.mark.parametrize(
        "call",
        [
            *(
                "POST /v1/callbacks",
                "GET /v1/callbacks",
                "GET /v1/callbacks/cb_1",
                "DELETE /v1/callbacks/cb_1",
            ),
            *("POST /v1/callbacks/cb_1/close", "POST /v1/callbacks/cb_1/aliases", "POST /v1/approvals"),
            *("GET /v1/sources", "GET /v1/providers", "GET /v1/keys"),
        ],
    )
    @pytest.mark.parametrize(
        "authorization", [None, "Bearer", "Bearer wrong", "Basic b3JkZXJzOng=", "Bearer \xe9", "token"]
    )
    def test_without_a_clients_token_nothing_is_given(
        self, gateway: RunningGateway, call: str, authorization: str | None
    ) -> None:
        method, path = call.split(" ")
        headers = {} if authorization is None else {b"authorization": authorization.encode("latin-1")}
        answer = gateway.anonymous.request(method, path, headers=headers, json=_body())
        assert "token" in _detail(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"

    def test_a_source_that_the_client_may_not_use_is_403(self, gateway: RunningGateway) -> None:
        with gateway.as_client("narrow") as narrow:
            assert narrow.post("/v1/callbacks", json=_body()).status_code == 201
            assert narrow.post("/v1/callbacks", json=_body(source="stripe-eu")).status_code == 201
            refused = narrow.post("/v1/callbacks", json=_body(source="mailer"))
            assert "pay, stripe-*" in _detail(refused, 403, "forbidden")
            asked = {"title": "?", "recipients": ["ann"], "target": {"awakeable": new_awakeable()}}
            assert narrow.post("/v1/approvals", json=asked).status_code == 403

    def test_another_clients_callback_does_not_exist(self, gateway: RunningGateway) -> None:
        callback = gateway.issue()
        with gateway.as_client("other") as other:
            path = f"/v1/callbacks/{callback.id}"
            answers = [
                other.get(path),
                other.post(f"{path}/close"),
                other.delete(path),
                other.post(f"{path}/aliases", json={"alias": "x"}),
                other.get("/v1/callbacks/cb_unknown"),
            ]
            details = {_detail(answer, 404, "not_found") for answer in answers}
            assert len(details) == 1
            listed = other.get("/v1/callbacks", params={"limit": 500}).json()["callbacks"]
            assert callback.id not in [one["id"] for one in listed]
        assert gateway.callback(callback.id)["state"] == "open"


class TestRefused:
    """Every 422 names the field and says what would be right."""

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"source": "nowhere"}, ("source", '"nowhere"', "pay")),
            ({"source": 7}, ("source", "string")),
            ({"sauce": "pay"}, ("sauce", "not permitted")),
            ({"target": {}}, ("target", "awakeable", "workflow", "service")),
            ({"target": None}, ("target", "dictionary")),
            ({"target": "sign_1"}, ("target", "dictionary")),
            ({"target": {"awakeable": "sign_1abc"}}, ("target.awakeable", "SDKs")),
            ({"target": {"awakeable": "prom_1abc"}}, ("target.awakeable", "upgrade the SDK")),
            ({"target": {"awakeable": 7}}, ("target.awakeable", "text")),
            ({"target": {"service": "restate", "handler": "x"}}, ("target.service", "name")),
            ({"target": {"service": "S", "key": "", "handler": "x"}}, ("target.key", "not empty")),
            ({"target": {"service": "S", "key": "a\x00b", "handler": "x"}}, ("target.key", "control")),
            ({"target": {"service": "S", "key": "x" * 257, "handler": "x"}}, ("target.key", "256")),
            ({"target": {"workflow": "W", "key": "k"}}, ("target", "promise")),
            ({"target": {"awakeable": "x", "service": "S"}}, ("target", "one of")),
            ({"source": "closed", "succeed_on": []}, ("succeed_on", "name one")),
            ({"expires_in": "31d"}, ("expires_in", "2592000", "callbacks.max_expiry")),
            ({"expires_in": 0}, ("expires_in", "1 second")),
            ({"expires_in": -1}, ("expires_in", "not negative")),
            ({"expires_in": "soon"}, ("expires_in", "24h")),
            ({"expires_in": [1]}, ("expires_in", "duration")),
            ({"expires_in": 1e300}, ("expires_in", "at most")),
            ({"expires_in": "999999999w"}, ("expires_in", "at most")),
            ({"on_failure": "ignore"}, ("on_failure", "reject", "resolve")),
            ({"succeed_on": "x"}, ("succeed_on", "list")),
            ({"succeed_on": [""]}, ("succeed_on.0", "at least 1")),
            ({"succeed_on": ["a*b"]}, ("succeed_on", '"a*b"', '"*" at its end')),
            ({"fail_on": ["x" * 201]}, ("fail_on.0", "200")),
            ({"label": "x" * 201}, ("label", "200")),
            ({"metadata": "x" * 5000}, ("metadata", "4096")),
        ],
        ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
    )
    def test_a_wrong_value_is_named_with_what_would_be_right(
        self, gateway: RunningGateway, changes: dict[str, Any], said: tuple[str, ...]
    ) -> None:
        detail = _detail(gateway.api.post("/v1/callbacks", json=_body(**changes)))
        for text in said:
            assert text in detail

    def test_an_id_that_would_cancel_or_forge_is_refused_and_not_repeated(
        self, gateway: RunningGateway
    ) -> None:
        for index in (0, 1, 16):
            packed = os.urandom(24) + index.to_bytes(4, "big")
            awakeable = "sign_1" + base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
            for given in (awakeable, awakeable + "="):
                answer = gateway.api.post("/v1/callbacks", json=_body(target={"awakeable": given}))
                assert awakeable not in _detail(answer)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"text"',
            b"[" * 100_000,
            b"\xff\xfe",
            b'{"source": "\\ud800", "target": {}}',
            b'{"source": "pay", "target": {"\\ud800": 1}}',
            b'{"source": "pay", "target": {}, "\\ud800": 1}',
            b'{"source": "pay", "target": {"awakeable": "\\ud800"}}',
            b'{"source": "pay", "target": {"service": "S", "key": "\\ud800", "handler": "h"}}',
            b'{"source": "pay", "target": {}, "expires_in": NaN}',
            b'{"source": "pay", "target": {}, "expires_in": Infinity}',
            b'{"source": "pay", "target": {}, "expires_in": %b}' % MANY_DIGITS.encode(),
            b'{"source": "pay", "target": {}, "expires_in": %b}' % (b"9" * 5000),
        ],
        ids=lambda content: repr(content[-40:]),
    )
    def test_a_body_that_is_hostile_is_422_and_never_5xx(
        self, gateway: RunningGateway, content: bytes
    ) -> None:
        headers = {"content-type": "application/json"}
        assert _detail(gateway.api.post("/v1/callbacks", content=content, headers=headers))

    @pytest.mark.parametrize(
        "metadata",
        [b'"\\ud800"', b"NaN", b"Infinity", b'{"\\udfff": 1}', b"[" * 900 + b"]" * 900, b"1e999"],
        ids=lambda content: repr(content[:12]),
    )
    def test_metadata_that_could_not_be_shown_again_is_refused(
        self, gateway: RunningGateway, metadata: bytes
    ) -> None:
        content = json.dumps(_body(metadata=0)).encode().replace(b'"metadata": 0', b'"metadata": ' + metadata)
        headers = {"content-type": "application/json"}
        answer = gateway.api.post("/v1/callbacks", content=content, headers=headers)
        assert "metadata" in _detail(answer)
        assert gateway.api.get("/v1/callbacks").status_code == 200

    def test_metadata_comes_back_as_it_was_given(self, gateway: RunningGateway) -> None:
        metadata = {"digits": int("9" * 4000)}
        callback = gateway.issue(metadata=metadata)
        assert gateway.callback(callback.id)["metadata"] == metadata

    def test_a_body_of_another_type_or_without_end_is_refused(self, gateway: RunningGateway) -> None:
        form = gateway.api.post("/v1/callbacks", content="source=pay", headers={"content-type": "text/plain"})
        assert _detail(form)
        huge = gateway.api.post("/v1/callbacks", content=b'"' + b"x" * (4 << 20) + b'"')
        assert "too large" in huge.json()["title"]
        assert huge.status_code == 413

    def test_what_is_not_there_is_404_and_another_method_405(self, gateway: RunningGateway) -> None:
        assert "/docs" in _detail(gateway.api.get("/v1/nothing"), 404, "not_found")
        answer = gateway.api.put("/v1/callbacks", json={})
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}

    @pytest.mark.parametrize("alias", [{}, {"alias": ""}, {"alias": "x" * 201}, {"alias": 7}, {"name": "x"}])
    def test_an_alias_that_is_none_is_refused(self, gateway: RunningGateway, alias: dict[str, Any]) -> None:
        answer = gateway.api.post(f"/v1/callbacks/{gateway.issue().id}/aliases", json=alias)
        assert "alias" in _detail(answer)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"title": ""}, "title"),
            ({"title": "x" * 201}, "title"),
            ({"recipients": []}, "recipients"),
            ({"recipients": ["ann", "ann"]}, "recipients"),
            ({"actions": []}, "actions"),
            ({"actions": [{"name": "a b", "label": "A", "outcome": "succeed"}]}, "actions.0.name"),
            ({"actions": [{"name": "a", "label": "A", "outcome": "maybe"}]}, "actions.0.outcome"),
            ({"actions": [{"name": "a", "label": "A", "outcome": "fail"}] * 2}, "actions"),
            ({"fields": {"Amount": 42}}, "fields.Amount"),
            ({"colour": "red"}, "colour"),
        ],
        ids=lambda value: json.dumps(value)[:50],
    )
    def test_an_approval_that_is_wrong_is_refused(
        self, gateway: RunningGateway, changes: dict[str, Any], said: str
    ) -> None:
        asked = {"title": "?", "recipients": ["ann"], "target": {"awakeable": new_awakeable()}, **changes}
        assert said in _detail(gateway.api.post("/v1/approvals", json=asked))


class TestIssuing:
    def test_an_answer_says_everything_and_no_awakeable_id(self, gateway: RunningGateway) -> None:
        body = _body(expires_in="2h", label="order 7", metadata={"order": 7})
        before = datetime.now(UTC)
        answer = gateway.api.post("/v1/callbacks", json=body)
        assert answer.status_code == 201
        issued = answer.json()
        assert set(issued) == {"id", "url", "account_url", "reference", "expires_at", "key_id"}
        assert issued["url"].startswith(f"{gateway.public_url}/c/pay/k1.")
        assert issued["account_url"] == f"{gateway.public_url}/s/pay"
        assert len(issued["reference"]) == 20
        assert issued["expires_at"].endswith("Z")
        expires_in = datetime.fromisoformat(issued["expires_at"]) - before
        assert timedelta(hours=2, seconds=-2) < expires_in < timedelta(hours=2, seconds=2)
        shown = gateway.api.get(f"/v1/callbacks/{issued['id']}")
        assert (shown.json()["label"], shown.json()["metadata"]) == ("order 7", {"order": 7})
        for text in (answer.text, shown.text, gateway.api.get("/v1/callbacks").text):
            assert body["target"]["awakeable"] not in text
            assert body["target"]["awakeable"][6:] not in text

    def test_a_provider_with_one_url_per_account_gets_none_of_its_own(self, gateway: RunningGateway) -> None:
        answer = gateway.api.post("/v1/callbacks", json=_body(source="stripe-eu")).json()
        assert answer["url"] is None
        assert answer["account_url"] == f"{gateway.public_url}/s/stripe-eu"

    def test_the_same_idempotency_key_gives_the_same_answer(self, gateway: RunningGateway) -> None:
        headers, body = {"idempotency-key": os.urandom(8).hex()}, _body()
        first, again = (gateway.api.post("/v1/callbacks", json=body, headers=headers) for _ in range(2))
        assert first.status_code == again.status_code == 201
        assert first.json() == again.json()
        other = gateway.api.post("/v1/callbacks", json=body | {"label": "x"}, headers=headers)
        assert "Idempotency-Key" in _detail(other)
        with gateway.as_client("other") as another:
            assert (
                another.post("/v1/callbacks", json=body, headers=headers).json()["id"] != first.json()["id"]
            )

    @pytest.mark.parametrize("key", ["", "x" * 201, "a b", "\xe9"])
    def test_an_idempotency_key_that_is_none_is_refused(self, gateway: RunningGateway, key: str) -> None:
        headers = {b"idempotency-key": key.encode("latin-1")}
        answer = gateway.api.post("/v1/callbacks", json=_body(), headers=headers)
        assert "Idempotency-Key" in _detail(answer)

    def test_issuing_again_for_the_same_target_supersedes(
        self, gateway: RunningGateway, ingress: FakeIngress
    ) -> None:
        body = _body()
        old, new = (gateway.api.post("/v1/callbacks", json=body).json() for _ in range(2))
        assert gateway.callback(old["id"])["state"] == "revoked"
        assert gateway.send(old["url"], event()).status_code == 410
        assert gateway.send(new["url"], event()).json() == {"outcome": "completed"}
        assert len(ingress.calls_for(body["target"]["awakeable"])) == 1
        labelled = gateway.api.post("/v1/callbacks", json=body | {"label": "second"}).json()
        third = gateway.api.post("/v1/callbacks", json=body | {"label": "third"}).json()
        assert [gateway.callback(one["id"])["state"] for one in (labelled, third)] == ["open", "open"]


class TestLife:
    def test_closing_is_a_claim(self, gateway: RunningGateway) -> None:
        callback = gateway.issue()
        for _ in range(2):
            answer = gateway.api.post(f"/v1/callbacks/{callback.id}/close")
            assert (answer.status_code, answer.json()) == (200, {"id": callback.id, "state": "closed"})
        won = gateway.issue()
        gateway.send(won.path, event())
        answer = gateway.api.post(f"/v1/callbacks/{won.id}/close")
        assert "waiting" in _detail(answer, 409, "completing")

    def test_revoking_ends_what_is_open_only(self, gateway: RunningGateway) -> None:
        callback = gateway.issue()
        for _ in range(2):
            assert gateway.api.delete(f"/v1/callbacks/{callback.id}").json()["state"] == "revoked"
        assert gateway.api.post(f"/v1/callbacks/{callback.id}/close").json()["state"] == "revoked"
        won = gateway.issue()
        gateway.send(won.path, event())
        assert gateway.api.delete(f"/v1/callbacks/{won.id}").json()["state"] == "completed"

    def test_an_alias_finds_what_comes_to_the_account(
        self, gateway: RunningGateway, ingress: FakeIngress
    ) -> None:
        callback, payment = gateway.issue(), f"pay_{os.urandom(6).hex()}"
        for _ in range(2):
            answer = gateway.api.post(f"/v1/callbacks/{callback.id}/aliases", json={"alias": payment})
            assert answer.json() == {"id": callback.id, "alias": payment}
        document = {"type": "payment.succeeded", "data": {"id": payment}}
        answer = gateway.send("/s/pay", signed(json.dumps(document).encode()))
        assert answer.json() == {"outcome": "completed"}
        assert len(ingress.calls_for(callback.awakeable)) == 1

    def test_an_alias_matches_what_came_before_it(
        self, gateway: RunningGateway, ingress: FakeIngress
    ) -> None:
        callback, payment = gateway.issue(), f"pay_{os.urandom(6).hex()}"
        document = {"type": "payment.succeeded", "data": {"id": payment}}
        early = gateway.send("/s/pay", signed(json.dumps(document).encode()))
        assert early.json() == {"outcome": "unmatched"}
        for _ in range(2):
            gateway.api.post(f"/v1/callbacks/{callback.id}/aliases", json={"alias": payment})
        ingress.wait_for(callback.awakeable, seconds=3)
        gateway.wait_for_outcome(callback.id, "completed")
        assert gateway.callback(callback.id)["state"] == "completed"
        assert len(ingress.calls_for(callback.awakeable)) == 1

    def test_an_alias_of_another_source_matches_nothing(
        self, gateway: RunningGateway, ingress: FakeIngress
    ) -> None:
        callback, payment = gateway.issue("pay-twin"), f"pay_{os.urandom(6).hex()}"
        document = {"type": "payment.succeeded", "data": {"id": payment}}
        gateway.send("/s/pay", signed(json.dumps(document).encode()))
        gateway.api.post(f"/v1/callbacks/{callback.id}/aliases", json={"alias": payment}).raise_for_status()
        after = gateway.send("/s/pay", signed(json.dumps(document).encode()))
        assert after.json() == {"outcome": "unmatched"}
        assert gateway.callback(callback.id)["state"] == "open"
        assert ingress.calls_for(callback.awakeable) == []


class TestPages:
    def test_a_list_is_paged_newest_first_without_gaps(self, gateway: RunningGateway) -> None:
        label = os.urandom(6).hex()
        ids = [gateway.issue(label=label).id for _ in range(7)]
        found: list[str] = []
        cursor = ""
        for size in (3, 3, 1):
            params = {"label": label, "limit": "3", "cursor": cursor}
            page = gateway.api.get("/v1/callbacks", params=params).json()
            assert len(page["callbacks"]) == size
            found += [one["id"] for one in page["callbacks"]]
            cursor = page["next"] or ""
        assert cursor == ""
        assert found == sorted(ids, reverse=True)

    def test_a_list_is_filtered_by_state_source_and_label(self, gateway: RunningGateway) -> None:
        label = os.urandom(6).hex()
        opened, closed = gateway.issue(label=label), gateway.issue(label=label)
        mailed = gateway.issue("mailer", label=label)
        gateway.api.post(f"/v1/callbacks/{closed.id}/close").raise_for_status()

        def ids(**params: str) -> list[str]:
            page = gateway.api.get("/v1/callbacks", params={"label": label, **params}).json()
            return [one["id"] for one in page["callbacks"]]

        assert ids(state="closed") == [closed.id]
        assert ids(source="mailer") == [mailed.id]
        assert set(ids(state="open")) == {opened.id, mailed.id}

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=501", "limit=x", "state=gone", "limit=1e9", "cursor=x", "cursor=%00"]
    )
    def test_a_wrong_filter_is_refused(self, gateway: RunningGateway, query: str) -> None:
        assert query.partition("=")[0] in _detail(gateway.api.get(f"/v1/callbacks?{query}"))

    def test_a_strange_label_or_source_is_an_empty_page_and_never_5xx(self, gateway: RunningGateway) -> None:
        for query in ("label=%ED%A0%80", "label=%00", "source='--", "source=%F0%9F%92%A9"):
            assert gateway.api.get(f"/v1/callbacks?{query}").json()["callbacks"] == []
        for name in ("%00", "%ff", "..", "cb_" + "x" * 3000, "%2F"):
            assert gateway.api.get(f"/v1/callbacks/{name}").status_code == 404


def test_a_provider_is_shown_with_what_its_events_prove_and_how_long_it_waits(
    gateway: RunningGateway,
) -> None:
    shown = {one["name"]: one for one in gateway.api.get("/v1/providers").json()}
    assert list(shown) == list(CATALOGUE)
    for name, provider in CATALOGUE.items():
        one = shown[name]
        assert (one["verified"], one["experimental"]) == (provider.verified, provider.experimental)
        for key, span in (("deadline", provider.deadline), ("retries", provider.retries_for)):
            assert one[key] == (None if span is None else span.total_seconds())
    assert shown["mollie"]["verified"] == "notification"
    assert (shown["stripe"]["deadline"], shown["github"]["retries"]) == (None, 0)


def test_sources_providers_and_keys_are_shown_without_a_secret(gateway: RunningGateway) -> None:
    shown = [gateway.api.get(f"/v1/{name}") for name in ("sources", "providers", "keys")]
    assert {answer.status_code for answer in shown} == {200}
    sources = {source["name"]: source for source in shown[0].json()}
    assert sources["closed"]["closed"]
    assert not sources["pay"]["closed"]
    assert len(sources["pay"]["secrets"]) == 2
    key = json.loads(gateway.key_file.read_text())["keys"][0]
    for answer in shown:
        for secret in (*PAY_SECRETS, key["secret"], "0123456789abcdef0123"):
            assert secret.removeprefix("whsec_") not in answer.text


def test_the_internal_listener_knows_no_webhooks_and_the_public_one_no_api(gateway: RunningGateway) -> None:
    callback = gateway.issue()
    webhook = event()
    answer = gateway.api.post(callback.path, content=webhook.body, headers=webhook.headers)
    assert answer.status_code == 404
    authorization = gateway.api.headers["authorization"]
    answer = gateway.public.get("/v1/keys", headers={"authorization": authorization})
    assert answer.json()["code"] == "not_found"
