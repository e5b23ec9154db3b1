"""Ops' commands on the whole stack: a callback completed by hand, and a doctor who finds nothing."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.command import run
from tests.e2e.conftest import Scene


def gateway(scene: Scene, *arguments: str) -> Any:
    """What a command says as JSON."""
    files = scene.stack.files
    ended = run(files.gateway_toml.parent, *arguments, "--json", GATEWAY_TOKEN_FILE=str(files.client_token))
    return json.loads(ended.stdout)


def test_a_callback_completed_by_hand_resumes_its_handler_once(scene: Scene) -> None:
    invocation = scene.start("Payments/charge", {"amount": 4200, "description": scene.name})
    payment = scene.payment(scene.name)
    scene.suspended(invocation)
    open_ones = gateway(
        scene, "callbacks", "list", "--state", "open", "--source", "acmepay", "--limit", "500"
    )
    shown = [gateway(scene, "callbacks", "show", one["id"]) for one in open_ones]
    (callback,) = [one["id"] for one in shown if one["invocation_id"] == invocation]
    at_the_provider = scene.stack.world.get(f"/v1/payments/{payment}").raise_for_status().json()
    data = json.dumps({"type": "payment.succeeded", "data": at_the_provider})

    done = gateway(scene, "callbacks", "complete", callback, data)
    assert (done["type"], done["outcome"]) == ("payment.succeeded", "completed")
    assert scene.result(invocation) == {"status": "paid", "payment": payment, "reason": None}
    (late,) = scene.pays(payment)
    assert late["body"] == '{"outcome":"duplicate"}'
    assert scene.call(f"Books/{payment}/entries").json() == [4200]


def test_a_doctor_finds_a_stack_that_is_well(scene: Scene) -> None:
    found = gateway(scene, "doctor")
    assert [one for one in found if one["level"] != "ok"] == []
    assert any(one["text"].endswith(": Restate 1.7.12") for one in found)
