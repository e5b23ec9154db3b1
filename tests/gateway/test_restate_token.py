"""Restate Cloud wants a bearer token: it goes to the ingress and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.envelope import Effect
from gateway.restate import Answered, RestateClient
from gateway.rules import Verdict
from gateway.secret import Secret
from gateway.targets import Awakeable
from tests.core.samples import CALLBACK_ID, awakeable_id
from tests.gateway.conftest import StartGateway
from tests.gateway.ingress import FakeIngress
from tests.gateway.webhooks import event

TOKEN = "key_restate-cloud-token-1234567890"
EFFECT = Effect(
    callback_id=CALLBACK_ID,
    source="acmepay",
    provider="standard-webhooks",
    target=Awakeable(awakeable_id()),
    on_failure="reject",
    verdict=Verdict.SUCCEEDED,
    event_id="evt_1",
    event_type="payment.succeeded",
    type_verified=True,
    time="2026-11-22T20:36:40Z",
    reason=None,
    data=b"{}",
    json=True,
    media_type="application/json",
)


@pytest.mark.parametrize(("token", "sent"), [(Secret(TOKEN), f"Bearer {TOKEN}"), (None, None)])
async def test_the_token_is_sent_where_there_is_one(
    ingress: FakeIngress, token: Secret | None, sent: str | None
) -> None:
    client = RestateClient((ingress.url,), token)
    result = await client.complete(EFFECT, time.monotonic() + 2)
    client.close()
    assert result.answered is Answered.ACCEPTED
    call = ingress.calls[-1]
    assert call.headers.get("authorization") == sent
    assert TOKEN not in repr(client)


def test_the_token_rotates_while_the_gateway_runs_and_the_last_good_one_stays(
    start_gateway: StartGateway, own_ingress: FakeIngress, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    gateway = start_gateway(environment={"GATEWAY_RESTATE__AUTH_TOKEN": f"file:{file}"})

    def sent() -> str:
        callback = gateway.issue()
        gateway.send(callback.path, event())
        return own_ingress.wait_for(callback.awakeable)[0].headers["authorization"]

    def until(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    assert sent() == f"Bearer {TOKEN}"
    file.write_text(f"{TOKEN}-new\n")
    until(lambda: sent() == f"Bearer {TOKEN}-new")
    file.write_text("")
    until(lambda: "restate.auth_token: there is none" in gateway.anonymous.get("/readyz").text)
    assert sent() == f"Bearer {TOKEN}-new"
    assert TOKEN not in gateway.log + gateway.anonymous.get("/readyz").text
