"""`gateway deliveries` as ops use it: what it prints, what it says when it can't, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stack.ports import free_ports
from tests.deliveries.conftest import Lab
from tests.gateway.webhooks import FOREIGN_SECRET, event


def test_list_show_and_replay_of_a_dead_delivery(lab: Lab) -> None:
    callback = lab.issue()
    webhook = event(event_id="msg_1")
    dead = lab.dead(callback, webhook)
    lab.send("/s/pay", event(secret=FOREIGN_SECRET))
    refused = lab.one(outcome="unverified")["id"]

    listed = lab.cli("list", "--since", "24h").stdout.splitlines()
    assert listed[0].split() == ["ID", "RECEIVED", "SOURCE", "OUTCOME"]
    assert listed[1].startswith(refused)
    assert listed[1].endswith("unverified: no signature fits")
    assert listed[2].startswith(dead)
    assert listed[2].endswith("dead")
    (found,) = json.loads(lab.cli("list", "--outcome", "dead", "--callback", callback.id, "--json").stdout)
    assert found["id"] == dead

    dry = lab.cli("replay", dead, "--dry-run").stdout.splitlines()
    assert [line.split()[0] for line in dry[:5]] == ["rebuild", "verify", "read", "dispose", "complete"]
    assert dry[-2:] == [f"payment.succeeded for {callback.id}: pending", "Nothing was written."]
    done = json.loads(lab.cli("replay", dead, "--json").stdout)
    assert [one["outcome"] for one in done["events"]] == ["completed"]

    shown = lab.cli("show", dead, "--body").stdout
    assert webhook.body.decode() in shown
    assert f"payment.succeeded for {callback.id}: dead  (event msg_1)" in shown
    assert f"replayed  {done['id']}" in shown
    assert webhook.body.decode() not in lab.cli("show", dead).stdout
    assert f"replay of {dead}" in lab.cli("show", done["id"]).stdout
    assert json.loads(lab.cli("show", refused, "--json").stdout)["outcome"] == "unverified"


def test_pages_are_put_together(lab: Lab) -> None:
    for _ in range(5):
        lab.send("/s/pay", event())
    lab.wait_for(5)
    assert len(json.loads(lab.cli("list", "--limit", "3", "--json").stdout)) == 3
    assert len(json.loads(lab.cli("list", "--limit", "900", "--json").stdout)) == 5
    assert lab.cli("list", "--source", "shop").stdout == "No deliveries.\n"


def test_what_is_refused_again_is_exit_code_1(lab: Lab) -> None:
    lab.send("/s/pay", event(secret=FOREIGN_SECRET))
    refused = lab.one(outcome="unverified")["id"]
    assert "unverified: no signature fits" in lab.cli("replay", refused, code=1).stdout


def test_what_the_gateway_says_no_to_is_said_in_its_words(lab: Lab) -> None:
    lab.send(lab.issue().path, event())
    delivery_id = lab.one()["id"]
    lab.sql("UPDATE deliveries SET body = NULL")
    ended = lab.cli("replay", delivery_id, code=1)
    assert ended.stderr.startswith("gateway: its body is not kept")
    assert "(409 not_replayable)" in ended.stderr
    assert "there is no delivery with this id" in lab.cli("show", "dl_" + "0" * 26, code=1).stderr
    assert "belongs to no configured client" in lab.cli("list", code=1, GATEWAY_TOKEN="x").stderr
    assert "(422 invalid)" in lab.cli("list", "--callback", "x", code=1).stderr


def test_where_no_gateway_is_it_says_so(lab: Lab) -> None:
    (port,) = free_ports(1)
    nobody = lab.cli("list", "--url", f"http://127.0.0.1:{port}", code=1).stderr
    assert f"http://127.0.0.1:{port}: no gateway can be reached there" in nobody
    # A gateway's public listener is not its internal one.
    assert "answered 404" in lab.cli("list", "--url", f"http://{lab.address}", code=1).stderr
    assert "--url: ftp://x" in lab.cli("list", "--url", "ftp://x", code=1).stderr
    assert "gateway.toml" in lab.cli("list", "--config", "elsewhere/gateway.toml", code=1).stderr


def test_the_token_comes_from_a_file_too_and_is_needed_once(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(lab.tokens["orders"] + "\n")
    assert lab.cli("list", GATEWAY_TOKEN="", GATEWAY_TOKEN_FILE=str(file)).stdout == "No deliveries.\n"
    missing = f"GATEWAY_TOKEN_FILE: {tmp_path}/none: No such file or directory"
    assert (
        missing in lab.cli("list", code=1, GATEWAY_TOKEN="", GATEWAY_TOKEN_FILE=str(tmp_path / "none")).stderr
    )
    for environ in ({"GATEWAY_TOKEN": ""}, {"GATEWAY_TOKEN_FILE": str(file)}):
        assert "set one of GATEWAY_TOKEN and GATEWAY_TOKEN_FILE" in lab.cli("list", code=1, **environ).stderr
    assert "a text without spaces" in lab.cli("list", code=1, GATEWAY_TOKEN="a b").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--since", "noon"),
        ("list", "--outcome", "lost"),
        ("list", "--limit", "0"),
        ("replay",),
        ("replay", "../callbacks"),
        ("show", "dl_1", "dl_2"),
        ("repeat", "dl_1"),
    ],
    ids=" ".join,
)
def test_called_wrongly_is_exit_code_2(lab: Lab, arguments: tuple[str, ...]) -> None:
    assert lab.cli(*arguments, code=2).stderr


@pytest.mark.parametrize("verb", ["list", "show", "replay"])
def test_each_help_has_an_example(lab: Lab, verb: str) -> None:
    assert f"Example: gateway deliveries {verb}" in lab.cli(verb, "--help").stdout
