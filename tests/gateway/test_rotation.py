"""Signing keys are rotated while the gateway runs: no open URL breaks."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable

from gateway import keyfile
from gateway.keyring import KeyRing, Status
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway, new_awakeable, new_key
from tests.gateway.webhooks import event

#: A running gateway takes a change up within two seconds.
SECONDS = 2.0


def _within(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not taken up within {SECONDS} s"
        time.sleep(0.05)


def _keys(gateway: RunningGateway) -> dict[str, str]:
    """The keys in force by id, with their status."""
    return {key["id"]: key["status"] for key in gateway.api.get("/v1/keys").json()}


def _ring(gateway: RunningGateway) -> KeyRing:
    return keyfile.load(gateway.key_file, "default")


def test_old_urls_go_on_working_and_new_ones_have_the_new_key(
    own_gateway: RunningGateway, own_ingress: FakeIngress
) -> None:
    old = own_gateway.issue()
    assert old.key_id == "k1"
    keyfile.save(own_gateway.key_file, _ring(own_gateway).add(new_key("k2", Status.ENABLED)))
    _within(lambda: _keys(own_gateway) == {"k1": "primary", "k2": "enabled"})
    assert own_gateway.issue().key_id == "k1"
    keyfile.save(own_gateway.key_file, _ring(own_gateway).promote("k2"))
    _within(lambda: _keys(own_gateway) == {"k1": "enabled", "k2": "primary"})
    new = own_gateway.issue()
    assert new.key_id == "k2"
    assert new.path.startswith("/c/pay/k2.")
    for callback in (old, new):
        assert own_gateway.send(callback.path, event()).json() == {"outcome": "completed"}
        assert len(own_ingress.calls_for(callback.awakeable)) == 1


def test_issuing_again_after_a_rotation_gives_the_same_url(own_gateway: RunningGateway) -> None:
    body = {"source": "pay", "target": {"awakeable": new_awakeable()}}
    headers = {"idempotency-key": os.urandom(8).hex()}
    before = own_gateway.api.post("/v1/callbacks", json=body, headers=headers).json()
    ring = _ring(own_gateway).add(new_key("k2", Status.ENABLED)).promote("k2")
    keyfile.save(own_gateway.key_file, ring)
    _within(lambda: _keys(own_gateway).get("k2") == "primary")
    assert own_gateway.api.post("/v1/callbacks", json=body, headers=headers).json() == before


def test_issuing_again_gives_another_url_where_the_key_of_the_first_was_retired(
    own_gateway: RunningGateway,
) -> None:
    # The first request was answered 503, say, and written all the same after the key was looked at.
    body = {"source": "pay", "target": {"awakeable": new_awakeable()}}
    headers = {"idempotency-key": os.urandom(8).hex()}
    before = own_gateway.api.post("/v1/callbacks", json=body, headers=headers).json()
    ring = _ring(own_gateway).add(new_key("k2", Status.ENABLED)).promote("k2").retire("k1")
    keyfile.save(own_gateway.key_file, ring)
    _within(lambda: _keys(own_gateway).get("k1") == "disabled")
    again = own_gateway.api.post("/v1/callbacks", json=body, headers=headers).json()
    assert (again["id"], again["key_id"]) == (before["id"], "k2")
    path = again["url"].removeprefix(own_gateway.public_url)
    assert own_gateway.send(path, event()).json() == {"outcome": "completed"}
    # It is over, and stays what it was.
    repeated = own_gateway.api.post("/v1/callbacks", json=body, headers=headers).json()
    assert repeated == again


def test_urls_of_a_retired_key_are_the_same_404(
    own_gateway: RunningGateway, own_ingress: FakeIngress
) -> None:
    old = own_gateway.issue()
    random = own_gateway.send("/c/pay/k1.abc.def", event())
    ring = _ring(own_gateway).add(new_key("k2", Status.ENABLED)).promote("k2").retire("k1")
    keyfile.save(own_gateway.key_file, ring)
    _within(lambda: _keys(own_gateway).get("k1") == "disabled")
    refused = own_gateway.send(old.path, event())
    assert (
        (refused.status_code, refused.content)
        == (random.status_code, random.content)
        == (404, random.content)
    )
    assert own_ingress.calls_for(old.awakeable) == []


def test_a_broken_key_file_leaves_the_last_good_keys_and_is_told(
    own_gateway: RunningGateway,
) -> None:
    callback = own_gateway.issue()
    good = own_gateway.key_file.read_text()
    forged = json.loads(good)
    forged["keys"][0]["secret"] = os.urandom(32).hex()
    twice = json.loads(good)
    twice["keys"] *= 2
    broken = {
        "half": good[: len(good) // 2],
        "empty": "",
        "no JSON": "\x00\xff",
        "other bytes": json.dumps(forged),
        "twice": json.dumps(twice),
        "no key": '{"keys": []}',
    }
    for name, text in broken.items():
        own_gateway.key_file.write_text(text)
        own_gateway.key_file.chmod(0o600)
        _within(lambda: any("keys.file" in reason for reason in _reasons(own_gateway)))
        assert own_gateway.anonymous.get("/readyz").status_code == 200, name
        assert _keys(own_gateway) == {"k1": "primary"}, name
        assert own_gateway.issue().key_id == "k1", name
        own_gateway.key_file.write_text(good)
        _within(lambda: not any("keys.file" in reason for reason in _reasons(own_gateway)))
    own_gateway.key_file.chmod(0o644)
    own_gateway.key_file.touch()
    _within(lambda: any("chmod 600" in reason for reason in _reasons(own_gateway)))
    own_gateway.key_file.unlink()
    _within(lambda: any("is not there" in reason for reason in _reasons(own_gateway)))
    assert own_gateway.send(callback.path, event()).json() == {"outcome": "completed"}
    for text in (own_gateway.log, "".join(_reasons(own_gateway))):
        assert forged["keys"][0]["secret"] not in text
        assert json.loads(good)["keys"][0]["secret"] not in text


def _reasons(gateway: RunningGateway) -> list[str]:
    reasons: list[str] = gateway.anonymous.get("/readyz").json()["reasons"]
    return reasons
