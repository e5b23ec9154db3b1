"""`gateway clients` with no gateway running: what it writes, prints and refuses."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import clients
from gateway.settings import Client
from tests.clients.conftest import Office

DIGEST = hashlib.sha256(b"a token").hexdigest()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """A folder with a configuration; nothing runs."""
    return Office(tmp_path / "office", ["http://127.0.0.1:1"])


def filed(office: Office) -> dict[str, Client]:
    """What the clients file holds."""
    return clients.load(office.clients_file) or {}


def test_a_client_is_added_with_what_it_may_and_its_token_printed_once(office: Office) -> None:
    rights = ["--source", "stripe-*", "--source", "pay", "--target", "Checkout/*", "--max-open", "5"]
    added = office.cli("clients", "add", "shop", *rights, "--rate", "100/m", "--ops")
    token = added.stdout.strip()
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert len(token) > 40
    assert digest[:8] in added.stderr
    assert filed(office) == {
        "shop": Client(
            token_sha256=(digest,),
            sources=("stripe-*", "pay"),
            targets=("Checkout/*",),
            max_open=5,
            rate="100/m",
            ops=True,
        )
    }
    assert token not in office.clients_file.read_text()
    second = json.loads(office.cli("clients", "add", "shop", "--json").stdout)
    assert second["fingerprint"] == hashlib.sha256(second["token"].encode()).hexdigest()[:8]
    assert len(filed(office)["shop"].token_sha256) == 2
    assert filed(office)["shop"].sources == ("stripe-*", "pay")


def test_a_third_token_is_refused_with_how_to_make_room(office: Office) -> None:
    for _ in range(2):
        office.cli("clients", "add", "shop")
    before = office.clients_file.read_text()
    said = office.cli("clients", "add", "shop", code=1).stderr
    first = filed(office)["shop"].token_sha256[0][:8]
    assert f"gateway clients remove shop --token {first}" in said
    assert office.clients_file.read_text() == before


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["add", "Shop!"], 2, "1 to 32 of a-z"),
        (["add", "shop", "--rate", "fast"], 2, '"100/m"'),
        (["add", "shop", "--max-open", "-1"], 2, "greater than 0"),
        (["add", "shop", "--max-open", "0"], 2, "greater than 0"),
        (["add", "shop", "--target", "Checkout"], 2, '"Checkout/*"'),
        (["add", "orders", "--ops"], 1, "change its ops in the configuration"),
        (["remove", "nobody"], 1, "there is no client nobody; there are orders, other, narrow"),
        (["remove", "orders"], 1, "take it out of [clients.orders] there"),
        (["remove", "orders", "--token", "00000000"], 1, "has no token 00000000; it has "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_said_with_what_can(
    office: Office, arguments: list[str], code: int, says: str
) -> None:
    said = office.cli("clients", *arguments, code=code).stderr
    assert says in " ".join(said.replace("│", " ").split())
    assert not office.clients_file.exists()


def test_a_client_of_the_configuration_gets_its_second_token_in_the_file(office: Office) -> None:
    token = office.cli("clients", "add", "orders").stdout.strip()
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert json.loads(office.clients_file.read_text()) == {"clients": {"orders": {"token_sha256": [digest]}}}
    office.cli("clients", "remove", "orders", "--token", digest[:8])
    assert filed(office) == {}


def test_removing_one_token_leaves_the_other_and_removing_the_client_both(office: Office) -> None:
    for _ in range(2):
        office.cli("clients", "add", "shop", "--source", "pay") if not filed(office) else office.cli(
            "clients", "add", "shop"
        )
    first, second = filed(office)["shop"].token_sha256
    office.cli("clients", "remove", "shop", "--token", first[:8])
    assert filed(office)["shop"] == Client(token_sha256=(second,), sources=("pay",))
    removed = office.cli("clients", "remove", "shop", "--json").stdout
    assert json.loads(removed) == {"client": "shop", "removed": [second[:8]], "whole": True}
    assert filed(office) == {}


def test_the_list_says_where_each_client_stands_and_what_it_may(office: Office) -> None:
    office.cli("clients", "add", "shop", "--source", "pay", "--max-open", "5", "--rate", "9/s")
    shown = office.cli("clients", "list").stdout
    assert "shop  sources pay; targets *; rate 9/s" in shown
    assert "0 of 5 callbacks open; described in clients.json" in shown
    assert "not seen by a gateway yet" in shown
    assert "orders  sources *; targets *" in shown
    listed = json.loads(office.cli("clients", "list", "--json").stdout)
    assert [(one["name"], one["described_in"] == "configuration") for one in listed] == [
        ("narrow", True),
        ("orders", True),
        ("other", True),
        ("shop", False),
    ]
    assert all(digest not in json.dumps(listed) for digest in filed(office)["shop"].token_sha256)


def test_the_list_knows_of_a_running_gateway_what_was_used_when(office: Office) -> None:
    office.start()
    try:
        office.issue()
        office.until(lambda: "last used less than a minute ago" in office.cli("clients", "list").stdout)
        shown = office.cli("clients", "list").stdout
        assert "1 callbacks open" in shown
        assert "never used since it came less than a minute ago: is it the right one?" in shown
    finally:
        office.stop()


def test_a_ledger_that_cannot_be_read_hides_the_uses_and_nothing_else(office: Office) -> None:
    listed = office.cli("clients", "list", GATEWAY_LEDGER__URL="postgresql://nobody@127.0.0.1:1/none")
    assert "use unknown" in listed.stdout
    assert "Uses and open callbacks are not known: ledger.url: " in listed.stderr


def test_a_folder_that_cannot_be_written_is_named_with_the_way_round(office: Office) -> None:
    said = office.cli("clients", "add", "shop", code=1, GATEWAY_CLIENTS_FILE="/proc/clients.json").stderr
    assert "clients_file: /proc/clients.json: " in said
    assert "GATEWAY_CLIENTS_FILE=copy.json" in said


def test_two_commands_at_once_both_count(office: Office) -> None:
    command = [sys.executable, "-m", "gateway", "clients", "add"]
    running = [
        subprocess.Popen([*command, name], cwd=office.directory, stdout=-3, stderr=-3) for name in "abcd"
    ]
    assert [one.wait(60) for one in running] == [0] * 4
    assert sorted(filed(office)) == list("abcd")
