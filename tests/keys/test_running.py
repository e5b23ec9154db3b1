"""`gateway keys` while gateways run: what waits for them, what is refused, and what a leak does."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import psycopg
import pytest

from gateway import keyfile
from gateway.keyring import KeyRing, Status
from tests.gateway.conftest import StartGateway
from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway, new_key
from tests.gateway.test_approvals import ask
from tests.gateway.webhooks import FOREIGN_SECRET, event
from tests.keys.command import Keys
from tests.replicas.conftest import Replicas

#: The gateway looks at its key file twice a second; a leaked key is out of force so soon.
REVOKED_SECONDS = 0.5 + 1


def until(condition: Callable[[], bool], seconds: float = 20) -> float:
    """Wait until something is so; how many seconds that took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"not so after {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - begun


def commands(gateway: RunningGateway) -> Keys:
    """The commands on a gateway's key file."""
    return Keys(gateway.directory / "gateway.toml", gateway.part.environment)


def readiness(gateway: RunningGateway) -> str:
    """What a gateway says about its health."""
    return gateway.anonymous.get("/readyz").text


@pytest.fixture
def keys(own_gateway: RunningGateway) -> Keys:
    """The commands on the key file of a gateway that runs."""
    return commands(own_gateway)


class TestOneGateway:
    def test_rotate_waits_until_it_signs_with_the_new_key_and_retire_until_it_does_not(
        self, own_gateway: RunningGateway, keys: Keys
    ) -> None:
        waiting = own_gateway.issue()
        added = keys.json("rotate")["key"]
        # Nobody has to wait between the commands: each does so itself.
        refused = keys("retire", "k1", code=1)
        assert "k1 is not retired: open callbacks need it" in refused
        assert "1 of client orders, source pay, the last until 20" in refused
        assert own_gateway.issue().key_id == added
        assert own_gateway.send(waiting.path, event()).json() == {"outcome": "completed"}
        keys("retire", "k1")
        until(lambda: own_gateway.send(waiting.path, event()).status_code == 404)
        assert keys.json("check")["wrong"] == []

    def test_a_callback_without_an_url_of_its_own_needs_no_key(
        self, own_gateway: RunningGateway, keys: Keys
    ) -> None:
        body = {"source": "stripe-eu", "target": {"awakeable": own_gateway.issue().awakeable}}
        issued = own_gateway.api.post("/v1/callbacks", json=body | {"label": "other"}).json()
        assert (issued["url"], issued["key_id"]) == (None, None)
        assert own_gateway.callback(issued["id"])["key_id"] is None
        keys("revoke", "k1")
        assert own_gateway.callback(issued["id"])["state"] == "open"

    def test_who_changed_what_comes_into_the_ledger(self, own_gateway: RunningGateway, keys: Keys) -> None:
        keys("rotate", "--by", "ada")
        until(lambda: len(own_gateway.api.get("/v1/keys/changes").json()) == 2)
        shown = own_gateway.api.get("/v1/keys/changes").json()
        assert [(one["action"], one["by"]) for one in shown] == [("add", "ada"), ("promote", "ada")]
        # And it is known there when the key file has forgotten.
        keyfile.save(keys.file, replace(keys.ring, changes=()))
        assert [(one["action"], one["by"]) for one in keys.json("list", "--history")] == [
            ("add", "ada"),
            ("promote", "ada"),
        ]

    def test_an_id_that_was_used_before_is_never_taken_with_other_bytes(
        self, own_gateway: RunningGateway, keys: Keys
    ) -> None:
        good = keys.ring.add(new_key("k2", Status.ENABLED))
        keyfile.save(keys.file, good)
        until(lambda: len(own_gateway.api.get("/v1/keys").json()) == 2)
        keyfile.save(keys.file, replace(good, keys=good.keys[:1]))
        until(lambda: len(own_gateway.api.get("/v1/keys").json()) == 1)
        # Years later, and after a restart.
        own_gateway.part.stop()
        own_gateway.part.start()
        own_gateway.part.wait_ready()
        substituted = good.keys[0], new_key("k2", Status.ENABLED)
        keyfile.save(keys.file, KeyRing(substituted, "default"))
        until(lambda: "key k2 has other bytes than before" in readiness(own_gateway))
        assert [one["id"] for one in own_gateway.api.get("/v1/keys").json()] == ["k1"]
        checked = keys.json("check", code=1)
        assert any("k2 was used before with other bytes" in wrong for wrong in checked["wrong"])
        assert any("does not take the key file" in wrong for wrong in checked["wrong"])
        own_gateway.part.stop()
        own_gateway.part.start()
        assert own_gateway.part.join(20) == 1
        assert "key k2 has other bytes than before; a new key needs a new id" in own_gateway.log

    def test_a_leaked_key_takes_its_open_callbacks_with_it_at_once(
        self, own_gateway: RunningGateway, own_ingress: FakeIngress, keys: Keys
    ) -> None:
        leaked = [own_gateway.issue(label=f"order {number}") for number in range(3)]
        own_gateway.send(leaked[0].path, event())
        revoking = keys.begin("revoke", "k1", "--json")
        until(lambda: "revoked" in keys.statuses.values())
        # Whose token is taken is asked for a signature.
        forged = event(secret=FOREIGN_SECRET)
        assert until(lambda: own_gateway.send(leaked[1].path, forged).status_code == 404) < REVOKED_SECONDS
        keys.end(revoking)
        said = keys("revoke", "k1")
        assert "2 callbacks are closed:" in said
        for one in leaked[1:]:
            assert f"{one.id} of client orders, source pay, order" in said
            assert own_gateway.callback(one.id)["state"] == "revoked"
        assert own_gateway.callback(leaked[0].id)["state"] == "completed"
        assert leaked[0].id not in said
        random = own_gateway.send("/c/pay/k1.abc.def", event())
        refused = own_gateway.send(leaked[1].path, event())
        assert (refused.status_code, refused.content) == (404, random.content)
        assert own_gateway.issue().key_id == keys.ring.primary.id != "k1"

    def test_reissued_callbacks_stay_open_under_the_urls_that_are_printed(
        self, own_gateway: RunningGateway, own_ingress: FakeIngress, keys: Keys
    ) -> None:
        body = {"source": "pay", "target": {"awakeable": own_gateway.issue().awakeable}, "label": "other"}
        headers = {"idempotency-key": "order-7"}
        callback = own_gateway.api.post("/v1/callbacks", json=body, headers=headers).json()
        asked = ask(own_gateway)
        said = keys.json("revoke", "k1", "--reissue")
        shown = {one["id"]: one for one in said["callbacks"]}
        assert (said["behind"], len(shown)) == ([], 3)
        new = shown[callback["id"]]["url"]
        assert new != callback["url"]
        # The service that asks again is given it too.
        again = own_gateway.api.post("/v1/callbacks", json=body, headers=headers).json()
        assert (again["url"], again["key_id"]) == (new, said["successor"])
        public = own_gateway.public_url
        assert own_gateway.send(callback["url"].removeprefix(public), event()).status_code == 404
        assert own_gateway.send(new.removeprefix(public), event()).json() == {"outcome": "completed"}
        links = shown[asked.id]["urls"]
        assert set(links) == {"ann@example.com", "bob@example.com"}
        for who, link in links.items():
            assert own_gateway.public.get(asked.paths[who]).status_code == 404
            page = own_gateway.public.get(link.removeprefix(public))
            assert (page.status_code, who in page.text) == (200, True)
        printed = keys("revoke", "k1")
        assert f"ann@example.com: {links['ann@example.com']}" in printed
        assert new not in printed  # it has been completed

    def test_where_no_gateway_runs_the_next_one_does_what_was_revoked(
        self, own_gateway: RunningGateway, keys: Keys
    ) -> None:
        closed = own_gateway.issue()
        own_gateway.part.stop()
        assert [one["id"] for one in keys.json("revoke", "k1")["callbacks"]] == [closed.id]
        own_gateway.part.start()
        own_gateway.part.wait_ready()
        assert own_gateway.callback(closed.id)["state"] == "revoked"
        assert [one["id"] for one in keys.json("revoke", "k1")["callbacks"]] == [closed.id]

    def test_a_gateway_that_stops_is_waited_for_no_more(
        self, own_gateway: RunningGateway, keys: Keys
    ) -> None:
        assert len(keys.json("check")["replicas"]) == 1
        own_gateway.part.stop()
        assert keys.json("check")["replicas"] == []
        begun = time.monotonic()
        keys("rotate")
        assert time.monotonic() - begun < 2


class TestTwoGateways:
    """Each has a key file of its own, which somebody has to bring to the other machine."""

    def test_a_key_is_promoted_once_both_have_it(self, replicas: Replicas) -> None:
        one, other = replicas
        keys = commands(one)
        added = keys.json("add")["key"]
        refused = keys("promote", added, code=1)
        assert f"{added} is not promoted: URLs that it signs would be answered 404 by" in refused
        assert f":{other.part.pid} has not taken it up" in refused
        assert f":{one.part.pid}" not in refused
        assert keys.statuses == {"k1": "primary", added: "enabled"}
        shutil.copy(one.key_file, other.key_file)
        keys("promote", added)
        # The other one signs with the old one still.
        refused = keys("retire", "k1", code=1)
        assert f":{other.part.pid} signs with it" in refused
        assert any("has other keys in force" in wrong for wrong in keys.json("check", code=1)["wrong"])
        shutil.copy(one.key_file, other.key_file)
        keys("retire", "k1")

    def test_a_rotation_that_was_not_waited_out_can_go_on(self, replicas: Replicas) -> None:
        one, other = replicas
        keys = commands(one)
        refused = keys("rotate", "--wait", "1s", code=1)
        added = keys.ring.keys[-1].id
        assert f"Waiting: {_name(other)} has not taken it up" in refused
        assert f"gateway keys promote {added} tries again" in refused
        assert f"{added} was added and is not primary" in keys("rotate", code=1)
        shutil.copy(one.key_file, other.key_file)
        keys("promote", added)

    def test_a_gateway_that_signs_with_what_another_does_not_know_is_told(self, replicas: Replicas) -> None:
        one, other = replicas
        keyfile.save(
            one.key_file,
            keyfile.load(one.key_file, "default").add(new_key("k2", Status.ENABLED)).promote("k2"),
        )
        until(lambda: "signs with the key k2, which is not in force here" in readiness(other))
        assert other.anonymous.get("/readyz").status_code == 200
        shutil.copy(one.key_file, other.key_file)
        until(lambda: "signs with" not in readiness(other))

    def test_the_same_id_with_other_bytes_is_told(self, replicas: Replicas) -> None:
        one, other = replicas
        for replica in replicas:
            # Both at once: neither knows of the other's when it takes it up.
            ring = keyfile.load(replica.key_file, "default").add(new_key("k2", Status.ENABLED))
            keyfile.save(replica.key_file, ring)
        until(lambda: "key k2 has other bytes than before" in readiness(one) + readiness(other))

    def test_a_leaked_key_is_refused_by_all_and_what_one_lags_behind_is_told(
        self, replicas: Replicas
    ) -> None:
        one, other = replicas
        keys = commands(one)
        waiting = other.issue()
        said = keys.json("revoke", "k1", code=1)
        assert said["behind"] == [line for line in said["behind"] if line.startswith(_name(other))] != []
        # Issued by the one that does not know yet.
        late = other.issue()
        shutil.copy(one.key_file, other.key_file)
        forged = event(secret=FOREIGN_SECRET)
        until(lambda: other.send(late.path, forged).status_code == 404)
        listed = keys.json("revoke", "k1")
        assert {callback["id"] for callback in listed["callbacks"]} == {waiting.id, late.id}
        assert {one.callback(callback.id)["state"] for callback in (waiting, late)} == {"revoked"}


def _name(gateway: RunningGateway) -> str:
    """How a gateway calls itself."""
    shown = httpx.get(
        f"{gateway.anonymous.base_url}/v1/keys/replicas", headers=gateway.api.headers, trust_env=False
    ).json()
    return str(next(one["name"] for one in shown if one["name"].endswith(f":{gateway.part.pid}")))


def test_a_callback_that_is_issued_during_a_rotation_is_signed_with_the_key_of_after(
    start_gateway: StartGateway, database: str
) -> None:
    # Its commit is held up for so long that the gateway has said meanwhile that it signs with another key:
    # the old one may be retired by then.
    gateway = start_gateway(environment={"GATEWAY_LEDGER__URL": database})
    keys = commands(gateway)
    with (
        psycopg.connect(database) as blocking,
        httpx.Client(
            base_url=gateway.anonymous.base_url, headers=gateway.api.headers, trust_env=False, timeout=15
        ) as client,
    ):
        blocking.execute("LOCK TABLE callbacks IN SHARE MODE")
        with ThreadPoolExecutor(1) as pool:
            issuing = pool.submit(gateway.issue)
            keys("rotate")
            until(lambda: client.get("/v1/keys").json()[1]["status"] == "primary")
            keys("retire", "k1")
            assert not issuing.done()
            blocking.rollback()
            issued = issuing.result()
    until(lambda: client_statuses(gateway) == ["disabled", "primary"])
    assert issued.key_id == keys.ring.primary.id
    assert gateway.send(issued.path, event()).json() == {"outcome": "completed"}


def client_statuses(gateway: RunningGateway) -> list[str]:
    """The statuses of the keys that a gateway has in force."""
    return [key["status"] for key in gateway.api.get("/v1/keys").json()]
