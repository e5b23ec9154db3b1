"""IDCheck says what came out of a check, signed its own way."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from tests.simulator.conftest import SECRETS
from tests.simulator.receiver import Receiver


@pytest.mark.parametrize(
    "came_out",
    [{"result": "clear", "reason": None}, {"result": "rejected", "reason": "the document has expired"}],
)
async def test_a_check_reports_its_result(
    world: httpx.AsyncClient, receiver: Receiver, came_out: dict[str, Any]
) -> None:
    asked = {"applicant": "Ann", "webhook_url": "http://receiver/check"}
    check = (await world.post("/v1/checks", json=asked)).json()
    sent = (await world.post(f"/v1/checks/{check['id']}/simulate", json=came_out)).json()

    digest = hmac.new(SECRETS.idcheck.encode(), receiver.bodies[0], hashlib.sha256).hexdigest()
    assert receiver.headers[0]["x-idcheck-signature"] == f"sha256={digest}"
    assert json.loads(receiver.bodies[0]) == {
        "event_id": sent["event_id"],
        "type": f"check.{came_out['result']}",
        "data": {"id": check["id"], "applicant": "Ann", **came_out},
    }
    assert [answer["status"] for answer in sent["answers"]] == [200]


async def test_a_check_that_nobody_asked_for_has_no_result(world: httpx.AsyncClient) -> None:
    answer = await world.post("/v1/checks/chk_unknown/simulate", json={"result": "clear"})
    assert answer.status_code == 404


async def test_a_check_that_is_asked_for_again_with_its_key_is_made_once(world: httpx.AsyncClient) -> None:
    asked = {"applicant": "Ann", "webhook_url": "http://receiver/check"}
    made = [await world.post("/v1/checks", json=asked, headers={"idempotency-key": "a"}) for _ in range(2)]

    assert made[0].json() == made[1].json()
    listed = await world.get("/v1/checks", params={"applicant": "Ann"})
    assert listed.json() == [{"id": made[0].json()["id"], "applicant": "Ann"}]
