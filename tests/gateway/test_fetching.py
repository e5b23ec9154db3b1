"""Deliveries that need something fetched, and questions at registration, through the public app."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import httpx
import pytest

from gateway import app, settings
from gateway.delivery import Delivery, Headers
from gateway.errors import Unverified
from gateway.gateway import Gateway
from gateway.keyfile import save
from gateway.keyring import KeyRing
from gateway.providers import CATALOGUE
from tests.gateway.process import new_key
from tests.gateway.publicly import public as listening
from tests.gateway.vendor import Vendor, answer, vendor
from tests.providers.keys import certificate, ec_key, jwks, rsa_key
from tests.providers.samples import FETCHED, SECRETS, key, sample

URL = "https://hooks.example.com"
SNS = "sns.eu-west-1.amazonaws.com"
HOSTS = {
    "aws-sns": SNS,
    "fal": "rest.alpha.fal.ai",
    "google-pubsub": "www.googleapis.com",
    "paypal": "api.paypal.com",
    "plaid": "production.plaid.com",
}
OTHERS = ("azure-event-grid", "cloudevents", "discord", "gitlab-token", "ms-graph", "okta")


def configuration(folder: Path, more: str) -> settings.Settings:
    """A gateway with a source of each provider here; Restate is nowhere."""
    text = f'public_url = "{URL}"\nledger.url = "sqlite:///{folder}/gateway.db"\n'
    text += f'keys.file = "{folder}/keys.json"\nrestate.ingress_urls = ["http://127.0.0.1:9"]\n'
    for name in (*HOSTS, *OTHERS):
        text += f"[sources.{name}]\nprovider = '{name}'\nsecrets = [{json.dumps(SECRETS[name][0])}]\n"
        text += 'succeed_on = ["*"]\n' if not CATALOGUE[name].succeed_on else ""
        text += more if name == "aws-sns" else ""
    file = folder / "gateway.toml"
    file.write_text(text)
    return settings.load(file, {})


class Public:
    """The public app, and the provider's server that its fetcher asks."""

    def __init__(self, gateway: Gateway, asked: Vendor, address: str) -> None:
        self.gateway, self.asked = gateway, asked
        gateway.fetcher = asked.fetcher()
        self._client = httpx.AsyncClient(base_url=address, timeout=30, trust_env=False)

    async def post(self, delivery: Delivery, path: str) -> httpx.Response:
        """Send a delivery."""
        query = delivery.url.partition("?")[2]
        to = f"{path}?{query}" if query else path
        return await self._client.post(to, content=delivery.body, headers=list(delivery.headers))

    async def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send anything."""
        return await self._client.request(method, path, **more)

    async def close(self) -> None:
        """Send nothing more."""
        await self._client.aclose()


@asynccontextmanager
async def serving(folder: Path, host: str = SNS, more: str = "") -> AsyncIterator[Public]:
    """The public app of a gateway, beside a provider's server."""
    save(folder / "keys.json", KeyRing((new_key("k1"),), "default"))
    async with (
        vendor(host, folder) as asked,
        app.running(configuration(folder, more), {}) as gateway,
        listening(gateway) as address,
    ):
        public = Public(gateway, asked, address)
        yield public
        await public.close()


def genuine(name: str, now: float | None = None, **changes: Any) -> Delivery:
    """A provider's sample, on its account's URL, signed now."""
    delivery = replace(sample(name).delivery, url=f"{URL}/s/{name}", **changes)
    provider = CATALOGUE[name].given(FETCHED[name]) if name in FETCHED else CATALOGUE[name]
    return provider.scheme.sign(delivery, key(name), time.time() if now is None else now)


def outcome(answer: httpx.Response) -> tuple[int, Any]:
    """Status and outcome, or the problem's code."""
    document = answer.json()
    return answer.status_code, document.get("outcome", document.get("code"))


@pytest.mark.parametrize("name", HOSTS)
async def test_what_is_needed_is_fetched_once_and_a_delivery_verified_with_it(
    name: str, tmp_path: Path
) -> None:
    async with serving(tmp_path, HOSTS[name]) as public:
        public.asked.answers(answer(FETCHED[name].partition(b"-----BEGIN PRIVATE")[0]))
        for expected in ("unmatched", "unmatched", "unmatched"):
            assert outcome(await public.post(genuine(name), f"/s/{name}")) == (200, expected)
        assert len(public.asked.requests) == 1
        # Of what was fetched nothing is taken on trust.
        good = genuine(name)
        forged = replace(good, body=good.body.replace(b"1", b"2", 1))
        assert forged.body != good.body
        if name != "google-pubsub":
            assert outcome(await public.post(forged, f"/s/{name}")) == (401, "unverified")


async def test_plaid_is_asked_with_the_account_s_credentials_and_the_token_s_key(tmp_path: Path) -> None:
    async with serving(tmp_path, HOSTS["plaid"]) as public:
        public.asked.answers(answer(FETCHED["plaid"]))
        await public.post(genuine("plaid"), "/s/plaid")
        (request,) = public.asked.requests
    assert request.startswith(b"POST /webhook_verification_key/get HTTP/1.1")
    assert json.loads(request.rpartition(b"\r\n\r\n")[2]) == {
        "client_id": "5c2a9d0e4b1f",
        "secret": "8f1e6c3b7d9a2405",
        "key_id": "key-1",
    }


@pytest.mark.parametrize("name", HOSTS)
async def test_what_cannot_be_fetched_now_is_503_and_never_taken(name: str, tmp_path: Path) -> None:
    async with serving(tmp_path, HOSTS[name]) as public:
        public.asked.answers(answer(b"", "500 Internal Server Error"))
        refused = await public.post(genuine(name), f"/s/{name}")
        assert outcome(refused) == (503, "try_later")
        assert int(refused.headers["retry-after"]) > 0
        public.gateway.fetcher = public.asked.fetcher()
        public.asked.answers(answer(b"", "404 Not Found"))
        assert outcome(await public.post(genuine(name), f"/s/{name}")) == (401, "unverified")


@pytest.mark.parametrize(
    "material",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"no certificate", id="text"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", id="broken"),
        pytest.param(certificate("sns.evil.example"), id="another name"),
        pytest.param(certificate("sns.amazonaws.com", issuer="sns.amazonaws.com"), id="its own issuer"),
        pytest.param(certificate("sns.amazonaws.com", ends=datetime(2026, 11, 2, tzinfo=UTC)), id="expired"),
        pytest.param(
            certificate("sns.amazonaws.com", made=datetime(2027, 10, 1, tzinfo=UTC)), id="not yet valid"
        ),
        pytest.param(certificate("sns.amazonaws.com", rsa_key(1)), id="another key"),
        pytest.param(certificate("sns.amazonaws.com", ec_key(1)), id="no RSA key"),
        pytest.param(jwks("RS256"), id="JSON"),
    ],
)
async def test_a_certificate_that_does_not_count_is_401(material: bytes, tmp_path: Path) -> None:
    async with serving(tmp_path) as public:
        public.asked.answers(answer(material))
        assert outcome(await public.post(genuine("aws-sns"), "/s/aws-sns")) == (401, "unverified")
        assert len(public.asked.requests) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"https://{SNS}/", "https://169.254.169.254/"),
        (f"https://{SNS}/", f"https://{SNS}.evil.example/"),
        (f"https://{SNS}/", f"http://{SNS}/"),
        ('"SignatureVersion":"2"', '"SignatureVersion":"1"'),
        ("123456789012:payments", "999999999999:payments"),
    ],
)
async def test_nobody_is_sent_out_for_what_cannot_be_genuine(old: str, new: str, tmp_path: Path) -> None:
    async with serving(tmp_path) as public:
        good = genuine("aws-sns")
        assert old.encode() in good.body
        forged = replace(good, body=good.body.replace(old.encode(), new.encode()))
        assert outcome(await public.post(forged, "/s/aws-sns")) == (401, "unverified")
        assert public.asked.asked_for == []
        assert public.asked.requests == []


def confirmation() -> Delivery:
    """SNS's question to a subscriber, signed."""
    topic = SECRETS["aws-sns"][0]
    value = {
        "Type": "SubscriptionConfirmation",
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": "2336412f37",
        "TopicArn": topic,
        "Message": "You have chosen to subscribe",
        "Signature": "",
        "SubscribeURL": f"https://{SNS}/?Action=ConfirmSubscription&TopicArn={topic}&Token=2336412f37",
        "Timestamp": "2026-11-22T20:36:40.123Z",
        "SignatureVersion": "2",
        "SigningCertURL": json.loads(sample("aws-sns").delivery.body)["SigningCertURL"],
    }
    return genuine("aws-sns", body=json.dumps(value).encode())


@pytest.mark.parametrize("confirm", [False, True])
async def test_a_subscription_is_visited_only_where_the_source_says_so(confirm: bool, tmp_path: Path) -> None:
    async with serving(tmp_path, more="confirm = true\n" if confirm else "") as public:
        public.asked.answers(answer(FETCHED["aws-sns"]))
        answered = await public.post(confirmation(), "/s/aws-sns")
        assert (answered.status_code, answered.content) == (200, b"")
        visits = [request for request in public.asked.requests if b"Action=ConfirmSubscription" in request]
        assert len(visits) == confirm
        assert len(public.asked.requests) == 1 + confirm


async def test_a_subscription_that_cannot_be_visited_or_leads_elsewhere_is_not_confirmed(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, more="confirm = true\n") as public:
        public.asked.answers(answer(FETCHED["aws-sns"]))
        good = confirmation()
        value = json.loads(good.body)
        value["SubscribeURL"] = "https://169.254.169.254/?Action=ConfirmSubscription&Token=2336412f37"
        elsewhere = genuine("aws-sns", body=json.dumps(value).encode())
        assert outcome(await public.post(elsewhere, "/s/aws-sns")) == (401, "unverified")
        assert len(public.asked.requests) == 1
        public.asked.answers(answer(b"", "503 Service Unavailable"))
        assert outcome(await public.post(good, "/s/aws-sns")) == (503, "try_later")


# -- questions at registration


async def test_questions_are_answered_as_each_provider_wants(tmp_path: Path) -> None:
    async with serving(tmp_path) as public:
        okta = await public.request("GET", "/s/okta", headers={"x-okta-verification-challenge": "abc123"})
        assert (okta.status_code, okta.json()) == (200, {"verification": "abc123"})

        origin = {"webhook-request-origin": "eventemitter.example.com", "webhook-request-rate": "120"}
        events = await public.request("OPTIONS", "/s/cloudevents", headers=origin)
        assert (events.status_code, events.content) == (200, b"")
        assert events.headers["webhook-allowed-origin"] == "eventemitter.example.com"
        assert events.headers["allow"] == "POST, OPTIONS"

        graph = await public.request(
            "POST",
            "/s/ms-graph",
            params={"validationToken": "Validation: <script>alert(1)</script>"},
            headers={"content-type": "text/plain"},
        )
        assert (graph.status_code, graph.text) == (200, "Validation: <script>alert(1)</script>")
        assert graph.headers["content-type"].startswith("text/plain")
        assert graph.headers["x-content-type-options"] == "nosniff"

        ping = genuine("discord", body=b'{"application_id":"845027738276462632","type":1,"version":1}')
        pong = await public.post(ping, "/s/discord")
        assert (pong.status_code, pong.json()) == (200, {"type": 1})
        # Discord tries it with bad signatures.
        assert (await public.post(replace(ping, body=ping.body + b" "), "/s/discord")).status_code == 401

        validation = [
            {"id": "1", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent"}
            | {"data": {"validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}}
        ]
        grid = genuine("azure-event-grid", body=json.dumps(validation).encode())
        answered = await public.post(grid, "/s/azure-event-grid")
        assert answered.json() == {"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}
        unsigned = replace(grid, url=f"{URL}/s/azure-event-grid")
        assert (await public.post(unsigned, "/s/azure-event-grid")).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/s/okta", {}, 401),
        ("GET", "/s/okta", {"x-okta-verification-challenge": "x" * 257}, 400),
        ("GET", "/s/okta", {"x-okta-verification-challenge": ""}, 400),
        ("GET", "/s/okta", {"x-okta-verification-challenge": "a\tb"}, 400),
        ("OPTIONS", "/s/okta", {"x-okta-verification-challenge": "a"}, 405),
        ("GET", "/s/cloudevents", {"webhook-request-origin": "a"}, 405),
        ("OPTIONS", "/s/cloudevents", {}, 401),
        ("GET", "/s/discord", {}, 405),
        ("PUT", "/s/okta", {}, 405),
    ],
)
async def test_other_methods_and_questions_are_refused(
    method: str, path: str, headers: dict[str, str], status: int, tmp_path: Path
) -> None:
    async with serving(tmp_path) as public:
        assert (await public.request(method, path, headers=headers)).status_code == status


async def test_a_secret_that_comes_along_is_not_stored(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as public:
        for name in ("gitlab-token", "azure-event-grid", "okta"):
            assert (await public.post(genuine(name), f"/s/{name}")).status_code == 200
            assert (await public.post(replace(genuine(name), body=b"[]"), f"/s/{name}")).status_code < 500
    with closing(sqlite3.connect(tmp_path / "gateway.db")) as ledger:
        rows = ledger.execute("SELECT source, headers, query, body, received_at FROM deliveries").fetchall()
    assert {row[0] for row in rows} == {"gitlab-token", "azure-event-grid", "okta"}
    for name, headers, query, body, received_at in rows:
        secret = SECRETS[name][0]
        shown = f"{headers} {unquote_plus(query or '')}"
        assert secret not in shown
        assert "hmac-sha256:" in shown
        url = f"{URL}/s/{name}?{query}" if query else f"{URL}/s/{name}"
        again = Delivery("POST", url, Headers(json.loads(headers)), body or b"[]", received_at)
        assert CATALOGUE[name].verify(again, [key(name)], received_at) == 0
        with pytest.raises(Unverified):
            CATALOGUE[name].verify(replace(again, body=again.body + b" "), [key(name)], received_at)
