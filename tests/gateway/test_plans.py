"""Every statement that a gateway runs finds its rows by an index: no cost grows with the ledger."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

import httpx

from gateway import app, settings
from gateway.internal import app as internal_app
from gateway.keyfile import save
from gateway.keyring import KeyRing
from gateway.ledger import waiting
from gateway.ledger.sqlite import SqliteLedger
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import new_awakeable, new_key
from tests.gateway.publicly import public
from tests.gateway.webhooks import PAY_SECRETS, event

_SECRETS = ", ".join(f'"{secret}"' for secret in PAY_SECRETS)
_TOML = """\
public_url = "http://public"
ledger.url = "sqlite:///{folder}/gateway.db"
[restate]
ingress_urls = ["{ingress}"]
[clients.orders]
token_sha256 = "3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0"  # of "token"
ops = true
[sources.pay]
provider = "standard-webhooks"
secrets = [{secrets}]
succeed_on = ["payment.succeeded"]
"""
#: What holds a row for each callback, delivery or event.
_LARGE = {"callbacks", "c", "deliveries", "d", "events", "e", "o", "aliases", "a", "parked", "p"}


class Api:
    """The internal API, called as a client that may do everything."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def __call__(self, method: str, path: str, json: Any = None) -> Any:
        """Call it; the answer's document."""
        answer = await self._client.request(method, path, json=json)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.headers["content-type"].startswith("application/json") else None


async def _use(api: Api, webhooks: httpx.AsyncClient) -> None:
    """Everything that somebody may do."""
    issue = {"source": "pay", "target": {"awakeable": new_awakeable()}, "label": "a"}
    first = await api("POST", "/v1/callbacks", issue)
    # Supersedes the first.
    one = await api("POST", "/v1/callbacks", issue)
    paths = [issued["url"].removeprefix("http://public") for issued in (first, one)]
    for path in (*paths, paths[1], "/s/pay"):
        webhook = event()
        await webhooks.post(path, content=webhook.body, headers=webhook.headers)
    await webhooks.post(paths[1], content=b"{}", headers={"content-type": "application/json"})
    found = await api("GET", f"/v1/callbacks/{one['id']}")
    assert found["state"] == "completed"
    for query in ("", "?state=open", "?source=pay", "?label=a", "?orphaned=true"):
        await api("GET", f"/v1/callbacks{query}")
    deliveries = (await api("GET", "/v1/deliveries"))["deliveries"]
    for query in ("source=pay", f"callback={one['id']}", "outcome=completed", "outcome=unverified"):
        await api("GET", f"/v1/deliveries?{query}")
    for delivery in deliveries:
        await api("GET", f"/v1/deliveries/{delivery['id']}")
    await api("POST", f"/v1/deliveries/{deliveries[0]['id']}/replay")
    stream = await api(
        "POST",
        "/v1/callbacks",
        {"source": "pay", "target": {"service": "Inbox", "key": "7", "handler": "take"}},
    )
    for _ in range(3):
        webhook = event("payment.processing")
        path = stream["url"].removeprefix("http://public")
        await webhooks.post(path, content=webhook.body, headers=webhook.headers)
    other = await api("POST", "/v1/callbacks", issue | {"label": "b"})
    await api("POST", f"/v1/callbacks/{other['id']}/aliases", {"alias": "pi_1"})
    await api("POST", f"/v1/callbacks/{other['id']}/close")
    last = await api("POST", "/v1/callbacks", issue | {"label": "c"})
    await api("DELETE", f"/v1/callbacks/{last['id']}")
    await api("DELETE", f"/v1/callbacks/{last['id']}/data")
    for path in ("/v1/keys", "/v1/keys/replicas", "/v1/keys/changes", "/v1/sources", "/metrics"):
        await api("GET", path)


async def test_every_statement_finds_its_rows_by_an_index(tmp_path: Path, own_ingress: FakeIngress) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(_TOML.format(folder=tmp_path, ingress=own_ingress.url, secrets=_SECRETS))
    save(tmp_path / "keys.json", KeyRing((new_key("k1"),), "default"))
    statements: set[str] = set()
    async with app.running(settings.load(file, {}), {}) as gateway:
        ledger = gateway.ledger
        assert isinstance(ledger, SqliteLedger)
        for connection in (ledger._writer._connection, ledger._reader._connection):
            connection.set_trace_callback(statements.add)
        internal = httpx.ASGITransport(internal_app.build(gateway))
        async with (
            public(gateway) as address,
            httpx.AsyncClient(base_url=address, trust_env=False) as webhooks,
            httpx.AsyncClient(
                transport=internal, base_url="http://internal", headers={"authorization": "Bearer token"}
            ) as client,
        ):
            await _use(Api(client), webhooks)
            await ledger.read(waiting.due(time.time() + 3600, 10))
            await asyncio.sleep(1)  # the courier and the sweeps have had their turns
    with sqlite3.connect(tmp_path / "gateway.db") as connection:
        scans = [
            (step, sql)
            for sql in sorted(statements)
            if sql.startswith(("SELECT", "UPDATE", "DELETE", "INSERT", "WITH"))
            for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {sql}")
            if step.startswith("SCAN") and "INDEX" not in step and step.split()[1] in _LARGE
        ]
    assert any("not_before" in sql for sql in statements), "the courier was not seen"
    assert not scans
