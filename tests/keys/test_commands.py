"""`gateway keys` on a key file, where no gateway runs: changes, history, two at once, and what is due."""

from __future__ import annotations

import getpass
import os
import signal
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway import keyfile
from gateway.keyring import Status
from tests.keys.command import Keys


def test_every_change_is_in_the_history_with_who_and_when(keys: Keys) -> None:
    first = keys.ring.primary.id
    second = keys.json("add", "--by", "ada")["key"]
    keys("promote", second)
    keys("retire", first)
    keys("revoke", first)
    head, *lines = keys("list", "--history").splitlines()
    assert head.split() == ["AT", "KEY", "ACTION", "BY"]
    me = f"{getpass.getuser()}@{os.uname().nodename}"
    assert [line.split()[2:] for line in lines] == [
        [first, "init", me],
        [second, "add", "ada"],
        [second, "promote", me],
        [first, "retire", me],
        [first, "revoke", me],
    ]
    shown = keys.json("list", "--history")
    assert [(one["key"], one["action"]) for one in shown][-1] == (first, "revoke")
    assert [one["at"] for one in shown] == sorted(one["at"] for one in shown)


def test_rotate_adds_and_promotes_in_one_go(keys: Keys) -> None:
    first = keys.ring.primary.id
    rotated = keys.json("rotate")
    assert rotated == {"key": keys.ring.primary.id, "status": "primary", "previous": first}
    assert list(keys.statuses.values()) == ["enabled", "primary"]


def test_a_second_rotation_inside_the_first_is_refused(keys: Keys) -> None:
    added = keys.json("add")["key"]
    before = keys.file.read_bytes()
    assert f"{added} was added and is not primary: that rotation has to end first" in keys("rotate", code=1)
    assert keys.file.read_bytes() == before
    keys("retire", added)
    keys("rotate")


def test_a_rotation_can_be_taken_back(keys: Keys) -> None:
    first = keys.ring.primary.id
    second = keys.json("rotate")["key"]
    keys("promote", first)
    assert keys.statuses == {first: "primary", second: "enabled"}


def test_a_leaked_primary_key_is_replaced_in_the_same_write(keys: Keys) -> None:
    leaked = keys.ring.primary.id
    said = keys.json("revoke", leaked)
    assert keys.statuses == {leaked: "revoked", said["primary"]: "primary"}
    assert said | {"primary": ""} == {
        "key": leaked,
        "status": "revoked",
        "primary": "",
        "successor": None,
        "behind": [],
        "callbacks": [],
    }
    actions = {(one.key_id, one.action) for one in keys.ring.changes[1:]}
    assert actions == {(leaked, "revoke"), (said["primary"], "add"), (said["primary"], "promote")}


def test_what_is_revoked_stays_so(keys: Keys) -> None:
    leaked = keys.ring.primary.id
    keys("revoke", leaked)
    before = keys.file.read_bytes()
    assert f"{leaked}: revoked" in keys("revoke", leaked)
    for verb in ("promote", "retire"):
        assert f"key {leaked} is revoked: it cannot be" in keys(verb, leaked, code=1)
    assert "revoked already and its callbacks are closed" in keys("revoke", leaked, "--reissue", code=1)
    assert keys.file.read_bytes() == before


def test_changes_at_once_are_all_kept(keys: Keys) -> None:
    started = [keys.begin("add") for _ in range(4)]
    for one in started:
        keys.end(one)
    assert len(keys.ring.keys) == 5
    assert len({change.key_id for change in keys.ring.changes if change.action == "add"}) == 4
    assert sorted(file.name for file in keys.file.parent.iterdir()) == ["gateway.toml", "keys.json"]


@pytest.mark.parametrize("after", [0.5, 0.9, 1.1])
def test_a_revocation_that_is_killed_is_ended_by_the_next(keys: Keys, after: float) -> None:
    leaked = keys.ring.primary.id
    killed = keys.begin("revoke", leaked)
    time.sleep(after)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    said = keys.json("revoke", leaked)
    assert keys.statuses == {leaked: "revoked", said["primary"]: "primary"}


def test_what_a_link_leads_to_is_written(keys: Keys) -> None:
    there = keys.file.parent / "elsewhere.json"
    keys.file.rename(there)
    keys.file.symlink_to(there)
    keys("add")
    assert keys.file.is_symlink()
    assert len(keyfile.load(there, "default").keys) == 2


class TestCheck:
    def test_a_sound_file_is_nothing_to_do(self, keys: Keys) -> None:
        said = keys("check")
        assert f"1 keys, primary {keys.ring.primary.id}, 0 days old" in said
        assert "Gateways that serve: none" in said

    def test_an_old_primary_key_is_due(self, keys: Keys) -> None:
        (key,) = keys.ring.keys
        old = replace(key, created_at=key.created_at - timedelta(days=91))
        keyfile.save(keys.file, replace(keys.ring, keys=(old,)))
        shown = keys.json("check", code=1)
        assert (shown["age_days"], shown["wrong"]) == (91, [])
        assert shown["due"] == ["the primary key is 91 days old: gateway keys rotate"]
        keys("check", "--max-age", "92d")

    def test_a_rotation_that_has_not_ended_is_due(self, keys: Keys) -> None:
        added = keys.json("add")["key"]
        assert keys.json("check", code=1)["due"] == [
            f"{added} was added and not promoted: gateway keys promote {added}"
        ]

    def test_a_key_that_nothing_needs_is_due(self, keys: Keys) -> None:
        first = keys.ring.primary.id
        keys("rotate")
        assert keys.json("check", code=1)["due"] == [
            f"no open callback needs {first} any more: gateway keys retire {first}"
        ]

    def test_a_broken_file_is_wrong(self, keys: Keys) -> None:
        keys.file.write_text(keys.file.read_text()[:-40])
        assert "not a key file" in keys("check", code=1)


def test_a_revoked_key_needs_a_time_and_a_successor_that_is_there(keys: Keys) -> None:
    leaked = keys.ring.primary.id
    keys("revoke", leaked, "--reissue")
    text = keys.file.read_text()
    successor = keys.ring.primary.id
    assert keys.ring.keys[0].successor == successor
    for wrong, says in {
        text.replace(
            f'"successor": "{successor}"', '"successor": "k9"'
        ): "its successor has to be another key",
        text.replace(f'"successor": "{successor}"', f'"successor": "{leaked}"'): "has to be another key",
        text.replace(
            '"status": "revoked"', '"status": "disabled"'
        ): "a revoked key, and no other, has revoked_at",
        text.replace('"revoked_at"', '"at"'): "a revoked key, and no other, has revoked_at",
    }.items():
        assert wrong != text
        keys.file.write_text(wrong)
        assert says in keys("list", code=1)
    assert Status.REVOKED.verifies is False
