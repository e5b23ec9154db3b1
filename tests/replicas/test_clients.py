"""What replicas have in common of clients and secrets: bounds, and who was used when."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.gateway.process import RunningGateway, new_awakeable
from tests.gateway.webhooks import PAY_SECRETS, event
from tests.replicas.conftest import Replicas

TOKEN = "the-token-of-a-client-of-both-replicas"


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Return when a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def add_client(replicas: Replicas, **settings: Any) -> None:
    """Mount the same clients file for both, as a deployment does."""
    table = {"token_sha256": [hashlib.sha256(TOKEN.encode()).hexdigest()], **settings}
    for replica in replicas:
        file = replica.directory / "clients.json"
        file.write_text(json.dumps({"clients": {"shop": table}}))
    headers = {"authorization": f"Bearer {TOKEN}"}
    for replica in replicas:
        until(lambda one=replica: one.anonymous.get("/v1/keys", headers=headers).status_code == 200)  # type: ignore[misc]


def pay(replica: RunningGateway) -> list[dict[str, Any]]:
    """What a replica shows of the secrets of the source `pay`."""
    (found,) = [one for one in replica.api.get("/v1/sources").json() if one["name"] == "pay"]
    secrets: list[dict[str, Any]] = found["secrets"]
    return secrets


async def test_open_callbacks_are_bounded_on_both_replicas_together(replicas: Replicas) -> None:
    add_client(replicas, max_open=7)

    async def issue(client: httpx.AsyncClient, replica: RunningGateway) -> int:
        body = {"source": "pay", "target": {"awakeable": new_awakeable()}}
        url = f"{replica.anonymous.base_url}/v1/callbacks"
        while (answer := await client.post(url, json=body)).status_code == 503:
            pass
        assert answer.status_code == 201 or answer.json()["code"] == "too_many_open"
        return answer.status_code

    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(trust_env=False, timeout=30, headers=headers) as client:
        answers = await asyncio.gather(*(issue(client, replicas[number % 2]) for number in range(40)))
    assert sorted(answers) == [201] * 7 + [429] * 33


def test_a_secret_that_one_replica_used_is_in_use_for_the_other(replicas: Replicas) -> None:
    one, other = replicas
    new, old = pay(other)
    assert (new["last_used"], old["last_used"]) == (None, None)
    assert one.send("/s/pay", event(secret=PAY_SECRETS[1])).status_code == 200
    until(lambda: pay(other)[1]["last_used"])
    assert other.send("/s/pay", event(secret=PAY_SECRETS[0])).status_code == 200
    until(lambda: pay(one)[0]["last_used"])
    for replica in replicas:
        new, old = pay(replica)
        assert new["advice"] == "last used less than a minute ago"
        assert old["advice"] == "still in use less than a minute ago: keep it"
        assert old["since"] <= old["first_used"] <= old["last_used"] < new["last_used"]
