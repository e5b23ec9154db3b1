"""What an ops client sees and does beyond its own callbacks, and what no other one does."""

from __future__ import annotations

import json

from tests.cli.conftest import Console
from tests.gateway.process import new_awakeable
from tests.gateway.webhooks import event


def test_ops_see_every_client_s_deliveries_with_all_events_and_bodies(console: Console) -> None:
    callback = console.issue()
    webhook = event()
    console.send(callback.path, webhook)

    def listed(client: str) -> list[str]:
        arguments = ("deliveries", "list", "--callback", callback.id, "--json")
        return [one["id"] for one in json.loads(console(*arguments, client=client).stdout)]

    (delivery,) = listed("ops")
    assert listed("orders") == [delivery]
    assert listed("other") == []
    shown = console("deliveries", "show", delivery, "--body").stdout
    assert f"payment.succeeded for {callback.id}: completed" in shown
    assert webhook.body.decode() in shown
    dry = console("deliveries", "replay", delivery, "--dry-run").stdout
    assert f"payment.succeeded for {callback.id}: duplicate" in dry
    assert (
        "there is no delivery with this id"
        in console("deliveries", "show", delivery, client="other", code=1).stderr
    )


def test_ops_forget_what_another_client_s_callback_got(console: Console) -> None:
    callback = console.issue()
    console.send(callback.path, event())
    assert "(404 not_found)" in console("ledger", "forget", callback.id, client="other", code=1).stderr
    console.wait_for_outcome(callback.id, "completed")
    assert json.loads(console("ledger", "forget", callback.id, "--json").stdout)["deliveries"] == 1


def test_an_alias_by_ops_is_taken(console: Console) -> None:
    issued = console.api.post(
        "/v1/callbacks", json={"source": "stripe-eu", "target": {"awakeable": new_awakeable()}}
    ).json()
    with console.as_client("ops") as api:
        answer = api.post(f"/v1/callbacks/{issued['id']}/aliases", json={"alias": "pi_1"})
    assert answer.json() == {"id": issued["id"], "alias": "pi_1"}
