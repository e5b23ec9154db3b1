"""Doing deliveries again: through the same steps, with the callback as it stands now."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any, ClassVar

from gateway import keyfile
from gateway.keyring import KeyRing, Status
from tests.deliveries.conftest import Lab, by_hmac, by_slack
from tests.gateway.ingress import ACCEPT, InTurn, Reaction
from tests.gateway.process import Issued, new_key
from tests.gateway.test_approvals import ask, nonce_of
from tests.gateway.webhooks import FOREIGN_SECRET, PAY_SECRETS, event, signed


def _outcomes(done: dict[str, Any]) -> list[str]:
    assert done["outcome"] is None
    return [one["outcome"] for one in done["events"]]


def _step(done: dict[str, Any], name: str) -> str:
    (found,) = [step["result"] for step in done["steps"] if step["step"] == name]
    return str(found)


class TestDead:
    def test_what_restate_refused_for_good_is_brought_again(self, lab: Lab) -> None:
        callback = lab.issue()
        dead = lab.dead(callback, event())
        done = lab.replay(dead)
        assert _outcomes(done) == ["completed"]
        assert (done["replay_of"], done["dry_run"]) == (dead, False)
        lab.wait_for_outcome(callback.id, "completed")
        assert lab.outcomes(callback.id) == ["dead", "completed"]
        assert len(lab.ingress.calls_for(callback.awakeable)) == 2
        recorded = lab.detail(done["id"])
        assert recorded["replay_of"] == dead
        assert [one["id"] for one in lab.detail(dead)["replays"]] == [done["id"]]
        # What has its effect now is a duplicate.
        assert _outcomes(lab.replay(dead)) == ["duplicate"]
        assert _outcomes(lab.replay(done["id"])) == ["duplicate"]
        assert len(lab.ingress.calls_for(callback.awakeable)) == 2

    def test_a_replay_of_a_replay_is_one_of_the_first(self, lab: Lab) -> None:
        dead = lab.dead(lab.issue(), event())
        lab.ingress.react = lambda call: Reaction(400)
        again = lab.replay(dead)
        assert _outcomes(again) == ["dead"]
        lab.ingress.react = lambda call: ACCEPT
        third = lab.replay(again["id"])
        assert _outcomes(third) == ["completed"]
        assert third["replay_of"] == dead

    def test_a_failure_is_brought_again_as_one(self, lab: Lab) -> None:
        callback = lab.issue()
        dead = lab.dead(callback, event("payment.declined"))
        assert _outcomes(lab.replay(dead)) == ["completed"]
        assert lab.callback(callback.id)["state"] == "failed"
        assert lab.ingress.calls_for(callback.awakeable)[-1].path.endswith("/reject")

    def test_it_came_in_time_so_it_is_brought_after_the_expiry_too(self, lab: Lab) -> None:
        callback = lab.issue(expires_in=2)
        dead = lab.dead(callback, event())
        time.sleep(2.1)
        assert _outcomes(lab.replay(dead)) == ["completed"]

    def test_a_callback_that_the_service_closed_since_stays_closed(self, lab: Lab) -> None:
        callback = lab.issue()
        dead = lab.dead(callback, event())
        lab.api.post(f"/v1/callbacks/{callback.id}/close").raise_for_status()
        assert _outcomes(lab.replay(dead)) == ["late"]

    def test_another_final_event_does_not_take_the_dead_one_s_place(self, lab: Lab) -> None:
        callback = lab.issue()
        dead = lab.dead(callback, event())
        lab.send(callback.path, event("payment.declined"))
        second = next(one for one in lab.search() if one["id"] != dead)
        done = lab.replay(second["id"])
        assert _outcomes(done) == ["duplicate"]
        assert done["events"][0]["contradicts"]
        assert _outcomes(lab.replay(dead)) == ["completed"]

    def test_fifty_replays_at_once_have_one_effect(self, lab: Lab) -> None:
        callback = lab.issue()
        dead = lab.dead(callback, event())
        with ThreadPoolExecutor(10) as pool:
            done = list(pool.map(lambda _: _outcomes(lab.replay(dead))[0], range(50)))
        assert sorted(done) == ["completed"] + ["duplicate"] * 49
        assert len(lab.ingress.calls_for(callback.awakeable)) == 2

    def test_one_that_restate_is_too_far_away_for_is_pending_and_brought_later(self, lab: Lab) -> None:
        callback = lab.issue()
        dead = lab.dead(callback, event())
        lab.ingress.react = InTurn([Reaction(503), ACCEPT])
        assert _outcomes(lab.replay(dead)) == ["pending"]
        assert _outcomes(lab.replay(dead)) == ["duplicate"]
        lab.wait_for_outcome(callback.id, "completed")

    def test_of_a_stream_it_gets_the_next_number(self, lab: Lab) -> None:
        callback = lab.issue(target={"service": "Inbox", "key": "k", "handler": "take"})
        dead = lab.dead(callback, event("payment.progress"))
        assert lab.send(callback.path, event("payment.progress")).json() == {"outcome": "progress"}
        assert _outcomes(lab.replay(dead)) == ["progress"]
        assert lab.detail(lab.search()[0]["id"])["events"][0]["sequence"] == 3


class TestUnverified:
    def test_a_source_that_had_no_secret_then(self, lab: Lab) -> None:
        callback = lab.issue("closed")
        assert lab.send(callback.path, event()).status_code == 401
        found = lab.one(outcome="unverified")
        again = lab.replay(found["id"])
        assert (again["outcome"], again["events"]) == ("unverified", [])
        assert "it has no secret" in again["reason"]
        lab.restart(
            '[sources.closed]\nprovider = "standard-webhooks"',
            f'[sources.closed]\nprovider = "standard-webhooks"\nsecrets = ["{PAY_SECRETS[0]}"]',
        )
        assert _outcomes(lab.replay(found["id"])) == ["completed"]
        assert len(lab.ingress.calls_for(callback.awakeable)) == 1
        outcomes = {one["outcome"] for one in lab.detail(found["id"])["replays"]}
        assert outcomes == {"unverified", None}

    def test_a_wrong_secret_that_was_put_right(self, lab: Lab) -> None:
        callback = lab.issue("urls")
        webhook = by_hmac({"type": "paid", "id": "evt_1"}, callback.url, secret="the right one, at last!")
        assert lab.send(callback.path, webhook).status_code == 401
        found = lab.one(outcome="unverified")
        lab.restart(
            f'secrets = ["{"0123456789abcdef" * 2}"]\nsucceed_on = ["paid"]\n[sources.urls.hmac]',
            'secrets = ["the right one, at last!"]\nsucceed_on = ["paid"]\n[sources.urls.hmac]',
        )
        assert _outcomes(lab.replay(found["id"])) == ["completed"]

    def test_the_time_of_its_signature_is_judged_as_of_its_receipt(self, lab: Lab) -> None:
        callback = lab.issue()
        an_hour_ago = int(time.time()) - 3600
        assert lab.send(callback.path, event(signed_at=an_hour_ago)).status_code == 401
        found = lab.one(outcome="unverified")
        assert "too old" in lab.replay(found["id"])["reason"]
        # As if it had come then, to a gateway with another secret.
        lab.sql("UPDATE deliveries SET received_at = ? WHERE id = ?", an_hour_ago * 1000 + 500, found["id"])
        assert _outcomes(lab.replay(found["id"])) == ["completed"]

    def test_what_was_forged_stays_forged(self, lab: Lab) -> None:
        callback = lab.issue()
        lab.send(callback.path, event(secret=FOREIGN_SECRET))
        done = lab.replay(lab.one(outcome="unverified")["id"])
        assert (done["outcome"], done["reason"]) == ("unverified", "no signature fits")
        assert [step["step"] for step in done["steps"]] == ["rebuild", "verify"]
        assert lab.ingress.calls == []


class TestState:
    """The callback's state counts now, whatever it was when the delivery came."""

    @staticmethod
    def _refused(lab: Lab, callback: Issued) -> str:
        """A genuine delivery that was recorded as unverified, because it seemed old."""
        then = int(time.time()) - 3600
        lab.send(callback.path, event(signed_at=then))
        found = lab.one(outcome="unverified", callback=callback.id)
        lab.sql("UPDATE deliveries SET received_at = ? WHERE id = ?", then * 1000, found["id"])
        return str(found["id"])

    def test_one_that_has_expired_closed_or_been_revoked_says_so(self, lab: Lab) -> None:
        expired, closed, revoked = lab.issue(expires_in=1), lab.issue(), lab.issue()
        refused = {
            name: self._refused(lab, one)
            for name, one in (("expired", expired), ("late", closed), ("revoked", revoked))
        }
        lab.api.post(f"/v1/callbacks/{closed.id}/close").raise_for_status()
        lab.api.delete(f"/v1/callbacks/{revoked.id}").raise_for_status()
        time.sleep(1.1)
        for outcome, delivery_id in refused.items():
            assert _outcomes(lab.replay(delivery_id)) == [outcome]

    def test_what_took_effect_and_what_is_filtered_stay_so(self, lab: Lab) -> None:
        callback, waiting = lab.issue(), lab.issue()
        lab.send(callback.path, event())
        lab.send(waiting.path, event("payment.viewed"))
        for one in (callback, waiting):
            found = lab.one(callback=one.id)
            expected = "duplicate" if one is callback else "filtered"
            for _ in range(2):
                done = lab.replay(found["id"])
                assert _outcomes(done) == [expected]
                assert not done["events"][0]["conflict"]
        assert len(lab.ingress.calls) == 1
        assert lab.send(waiting.path, event()).json() == {"outcome": "completed"}


class TestUnmatched:
    PAID: ClassVar = {"type": "paid", "id": "evt_1", "payment": "pay_1"}

    def test_without_an_alias_it_stays_unmatched_and_an_alias_completes_once(self, lab: Lab) -> None:
        lab.send("/s/shop", by_hmac(self.PAID))
        found = lab.one(outcome="unmatched")
        assert _outcomes(lab.replay(found["id"])) == ["unmatched"]
        callback = lab.issue("shop")
        lab.api.post(f"/v1/callbacks/{callback.id}/aliases", json={"alias": "pay_1"}).raise_for_status()
        lab.wait_for_outcome(callback.id, "completed")
        done = lab.replay(found["id"])
        assert _outcomes(done) == ["duplicate"]
        assert not done["events"][0]["conflict"]
        assert len(lab.ingress.calls_for(callback.awakeable)) == 1

    def test_after_an_alias_that_did_not_know_of_it(self, lab: Lab) -> None:
        lab.send("/s/shop", by_hmac(self.PAID))
        found = lab.one(outcome="unmatched")
        # A restored ledger has lost what was parked.
        lab.sql("DELETE FROM parked")
        callback = lab.issue("shop")
        lab.api.post(f"/v1/callbacks/{callback.id}/aliases", json={"alias": "pay_1"}).raise_for_status()
        assert lab.outcomes(callback.id) == []
        assert _outcomes(lab.replay(found["id"])) == ["completed"]
        assert len(lab.ingress.calls_for(callback.awakeable)) == 1


class TestWithoutEvents:
    def test_what_can_t_be_read_stays_malformed(self, lab: Lab) -> None:
        lab.send(lab.issue().path, signed(b"not json"))
        found = lab.one(outcome="malformed")
        done = lab.replay(found["id"])
        assert (done["outcome"], done["reason"]) == ("malformed", found["reason"])
        assert _step(done, "verify").startswith(f"signed with the secret {found['secret']}")

    def test_a_challenge_stays_one(self, lab: Lab) -> None:
        lab.send("/s/chat", by_slack({"type": "url_verification", "challenge": "x"}))
        assert lab.replay(lab.one(outcome="challenge")["id"])["outcome"] == "challenge"


class TestGone:
    def test_a_secret(self, lab: Lab) -> None:
        lab.send(lab.issue().path, event(secret=PAY_SECRETS[1]))
        found = lab.one()
        lab.restart(f', "{PAY_SECRETS[1]}"', "")
        text = lab.refused_replay(found["id"])
        assert f"signed with the secret {found['secret']}, which the source pay no longer has" in text
        assert len(lab.search()) == 1

    def test_a_body(self, lab: Lab) -> None:
        lab.send(lab.issue().path, event())
        lab.sql("UPDATE deliveries SET body = NULL")
        assert "its body is not kept" in lab.refused_replay(lab.one()["id"])

    def test_the_body_of_other_traffic_that_was_never_kept(self, lab: Lab) -> None:
        lab.send("/s/shop", by_hmac({"type": "viewed", "id": "evt_1"}))
        assert "its body is not kept" in lab.refused_replay(lab.one(outcome="filtered")["id"])

    def test_a_source(self, lab: Lab) -> None:
        lab.send(lab.issue("pay-twin").path, event())
        lab.restart("[sources.pay-twin]", "[sources.pay-triplet]")
        assert 'source "pay-twin" is no longer in the configuration' in lab.refused_replay(lab.one()["id"])

    def test_the_row_of_a_callback(self, lab: Lab) -> None:
        callback = lab.issue()
        lab.send(callback.path, event(secret=FOREIGN_SECRET))
        found = lab.one(outcome="unverified")
        lab.sql("DELETE FROM callbacks")
        assert f"the callback {callback.id}" in lab.refused_replay(found["id"])

    def test_a_decision_of_a_person_is_not_a_delivery_of_a_provider(self, lab: Lab) -> None:
        asked = ask(lab)
        form = {"action": "approve", "nonce": nonce_of(lab.public.get(asked.path))}
        lab.public.post(asked.path, data=form)
        assert "approval page" in lab.refused_replay(lab.one(source="approvals")["id"])


class TestSignedUrl:
    """Where the provider signs the URL, it is minted again."""

    @staticmethod
    def _rotate(lab: Lab, keep: bool) -> None:
        ring = keyfile.load(lab.key_file, "default")
        retired = tuple(replace(key, status=Status.DISABLED) for key in ring.keys) if keep else ()
        keyfile.save(lab.key_file, KeyRing((*retired, new_key("k2")), "default"))
        deadline = time.monotonic() + 10
        while [key["id"] for key in lab.api.get("/v1/keys").json()][-1] != "k2":
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def test_also_with_a_query_and_a_key_that_is_retired_since(self, lab: Lab) -> None:
        callback = lab.issue("urls")
        url, path = f"{callback.url}?a=1&b=%20", f"{callback.path}?a=1&b=%20"
        webhook = by_hmac({"type": "paid", "id": "evt_1"}, url)
        dead = lab.dead(replace(callback, path=path), webhook)
        self._rotate(lab, keep=True)
        assert lab.send(path, webhook).status_code == 404
        done = lab.replay(dead)
        assert _outcomes(done) == ["completed"]
        assert _step(done, "rebuild").endswith("minted again with the key k1")
        assert callback.token not in str(done)

    def test_a_key_that_is_gone_is_409_where_the_url_is_signed_and_no_matter_where_not(
        self, lab: Lab
    ) -> None:
        signs_url, signs_body = lab.issue("urls"), lab.issue()
        first = lab.dead(signs_url, by_hmac({"type": "paid", "id": "evt_1"}, signs_url.url))
        second = lab.dead(signs_body, event())
        self._rotate(lab, keep=False)
        assert "the key k1 that its URL was signed with" in lab.refused_replay(first)
        assert _outcomes(lab.replay(second)) == ["completed"]


class TestDryRun:
    def test_it_says_what_would_happen_and_changes_no_byte(self, lab: Lab) -> None:
        dead = lab.issue()
        delivery_ids = {"pending": lab.dead(dead, event())}
        lab.send(lab.issue().path, event(event_id="msg_d"))
        delivery_ids["duplicate"] = lab.one(event_id="msg_d")["id"]
        lab.send("/s/shop", by_hmac({"type": "paid", "id": "evt_1", "payment": "pay_1"}))
        delivery_ids["unmatched"] = lab.one(outcome="unmatched")["id"]
        lab.send(lab.issue().path, event(secret=FOREIGN_SECRET))
        delivery_ids["unverified"] = lab.one(outcome="unverified")["id"]
        lab.send(lab.issue().path, signed(b"not json"))
        delivery_ids["malformed"] = lab.one(outcome="malformed")["id"]
        calls = len(lab.ingress.calls)
        # That secrets were of use is written a second later.
        time.sleep(2)
        before = self._bytes(lab)
        for outcome, delivery_id in delivery_ids.items():
            for _ in range(3):
                done = lab.replay(delivery_id, dry_run=True)
                assert (done["id"], done["dry_run"]) == (None, True)
                if done["events"]:
                    assert _outcomes(done) == [outcome]
                else:
                    assert done["outcome"] == outcome
        assert self._bytes(lab) == before
        assert len(lab.ingress.calls) == calls
        done = lab.replay(delivery_ids["pending"], dry_run=True)
        assert [step["step"] for step in done["steps"]] == [
            "rebuild",
            "verify",
            "read",
            "dispose",
            "complete",
        ]
        assert _step(done, "dispose") == "payment.succeeded: pending"
        assert _step(done, "complete") == "Restate would be told of 1"
        assert _outcomes(lab.replay(delivery_ids["pending"])) == ["completed"]

    @staticmethod
    def _bytes(lab: Lab) -> tuple[bytes, bytes, list[str]]:
        with closing(lab.database) as database:
            dump = list(database.iterdump())
        files = (lab.directory / "gateway.db", lab.directory / "gateway.db-wal")
        return files[0].read_bytes(), files[1].read_bytes(), dump

    def test_a_body_that_is_none_of_a_request_is_422(self, lab: Lab) -> None:
        lab.send(lab.issue().path, event())
        delivery_id = lab.one()["id"]
        bodies: list[Any] = [{"dry": True}, {"dry_run": "perhaps"}, [], {"dry_run": True, "more": 1}]
        for body in bodies:
            answer = lab.api.post(f"/v1/deliveries/{delivery_id}/replay", json=body)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert lab.api.post(f"/v1/deliveries/{delivery_id}/replay").status_code == 200


def test_while_the_ledger_is_away_a_replay_is_503_and_restate_is_not_told(lab: Lab) -> None:
    callback = lab.issue()
    dead = lab.dead(callback, event())
    with closing(lab.database) as database:
        database.execute("BEGIN IMMEDIATE")
        answer = lab.replay_answer(dead)
        assert (answer.status_code, answer.json()["code"]) == (503, "try_later")
        assert len(lab.ingress.calls_for(callback.awakeable)) == 1
        database.execute("ROLLBACK")
    # The one that waited may have been written after all.
    assert _outcomes(lab.replay(dead)) in (["completed"], ["duplicate"])


def test_a_replay_is_in_the_log_as_one(lab: Lab) -> None:
    callback = lab.issue()
    lab.send(callback.path, event())
    lab.send(callback.path, event(secret=FOREIGN_SECRET))
    for found in lab.wait_for(2):
        lab.replay(found["id"])
        lines = [line for line in lab.log.splitlines() if f'"replay_of":"{found["id"]}"' in line]
        assert len(lines) == 1
