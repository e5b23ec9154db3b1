"""What the ledger remembers of keys and of the gateways that use them, in each store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gateway.keyring import Change, KeyRing, Status
from gateway.ledger import Ledger, issuing, keychanges, replicas, revoking
from gateway.ledger.replicas import Replica
from gateway.ledger.worker import Transaction
from gateway.outcome import State
from tests.core.samples import NOW, key, ring
from tests.ledger.samples import callback, issue, open_callback, rows, state_of

LEAKED_AT = datetime(2026, 11, 23, 9, 0, 0, 123_000, tzinfo=UTC)
ADDED = Change(LEAKED_AT, "k2", "add", "ada@ops")


def leaked(reissue: bool = False) -> KeyRing:
    """A ring whose key `k1` has leaked."""
    return ring(key("k1", 1, Status.ENABLED), key("k2", 2)).revoke("k1", LEAKED_AT, reissue)


async def carried_out(ledger: Ledger, of: KeyRing) -> int:
    """Do what a ring's revoked key says, to the end; how many callbacks it was done to."""
    total, more = 0, True
    while more:
        done, more = await ledger.write(revoking.carry_out(of.keys[0], NOW), within=10)
        total += done
    return total


def later(seconds: int) -> Callable[[Transaction], int]:
    """What makes every report so much older."""
    return lambda tx: tx.run("UPDATE replicas SET seen_at = seen_at - :ago", {"ago": seconds * 1000})


class TestRemembering:
    async def test_a_key_id_keeps_the_fingerprint_that_it_was_first_used_with(self, ledger: Ledger) -> None:
        await ledger.write(keychanges.record(ring(key("k1", 1))), within=10)
        used = await ledger.write(keychanges.record(ring(key("k1", 9), key("k2", 2, Status.ENABLED))), 10)
        assert used == {"k1": key("k1", 1).fingerprint, "k2": key("k2", 2).fingerprint}
        assert await ledger.read(keychanges.used) == used

    async def test_a_change_is_recorded_once_whoever_brings_it(self, ledger: Ledger) -> None:
        promoted = replace(ADDED, at=LEAKED_AT + timedelta(milliseconds=1), action="promote")
        await ledger.write(keychanges.record(ring().noted(ADDED)), within=10)
        await ledger.write(keychanges.record(ring().noted(ADDED).noted(promoted)), within=10)
        assert await ledger.read(keychanges.history) == [ADDED, promoted]


class TestReplicas:
    async def test_a_gateway_that_reports_is_seen_with_its_keys(self, ledger: Ledger) -> None:
        two = ring(key("k1", 1), key("k2", 2, Status.ENABLED))
        await ledger.write(replicas.report(Replica.of("gw_1", "a:1", ring(), "keys.file: broken")), 10)
        (one, other) = await ledger.write(replicas.report(Replica.of("gw_2", "b:2", two, None)), 10)
        assert (one.name, one.error, one.primary) == ("a:1", "keys.file: broken", "k1")
        assert (other.name, other.error, other.primary) == ("b:2", None, "k1")
        assert not one.verifies(two.keys[1])
        assert other.verifies(two.keys[1])
        assert not other.verifies(key("k2", 9))
        assert not one.agrees(two)
        assert other.agrees(two)
        assert other.silent < 5
        assert [seen.id for seen in await ledger.read(replicas.live)] == ["gw_1", "gw_2"]

    async def test_a_disabled_key_is_not_verified_with(self, ledger: Ledger) -> None:
        retired = ring(key("k1", 1, Status.DISABLED), key("k2", 2))
        (one,) = await ledger.write(replicas.report(Replica.of("gw_1", "a:1", retired, None)), 10)
        assert not one.verifies(key("k1", 1))

    async def test_one_that_leaves_is_gone_at_once(self, ledger: Ledger) -> None:
        await ledger.write(replicas.report(Replica.of("gw_1", "a:1", ring(), None)), 10)
        await ledger.write(replicas.leave("gw_1"), 10)
        assert await ledger.read(replicas.live) == []

    async def test_one_that_was_killed_is_gone_half_a_minute_later(self, ledger: Ledger) -> None:
        await ledger.write(replicas.report(Replica.of("gw_1", "a:1", ring(), None)), 10)
        for seconds, names in ((20, ["gw_1"]), (13, [])):
            await ledger.write(later(seconds), within=10)
            assert [one.id for one in await ledger.read(replicas.live)] == names
        # Its row goes with the next report of another one.
        await ledger.write(replicas.report(Replica.of("gw_2", "b:2", ring(), None)), 10)
        assert await rows(ledger, "SELECT id FROM replicas") == [("gw_2",)]


class TestRevoking:
    async def test_open_callbacks_of_a_leaked_key_are_closed_and_no_others(self, ledger: Ledger) -> None:
        mine = [await open_callback(ledger) for _ in range(450)]  # more than two batches
        other = await open_callback(ledger, key_id="k2")
        without_url = await open_callback(ledger, key_id="")
        over = await open_callback(ledger, expires_at=int(NOW) - 1)
        closed = await open_callback(ledger)
        await ledger.write(issuing.close(closed.id, "shop", NOW), within=10)
        revoked_before = await open_callback(ledger)
        await ledger.write(issuing.revoke(revoked_before.id, "shop", NOW), within=10)
        assert await carried_out(ledger, leaked()) == 450
        assert await state_of(ledger, mine[0]) is State.REVOKED
        assert await state_of(ledger, other) is State.OPEN
        assert await state_of(ledger, without_url) is State.OPEN
        assert await state_of(ledger, over) is State.OPEN  # the sweep says that it has expired
        assert await state_of(ledger, closed) is State.CLOSED
        # Listed as often as it is asked for, and done again without harm.
        assert await carried_out(ledger, leaked()) == 0
        listed = await ledger.read(revoking.of(leaked().keys[0], NOW))
        assert {one.id for one in listed} == {one.id for one in mine}

    async def test_callbacks_that_are_signed_again_stay_open_with_the_new_key(self, ledger: Ledger) -> None:
        waiting = await open_callback(ledger)
        await open_callback(ledger, key_id="k2")
        before = await ledger.read(revoking.of(leaked(reissue=True).keys[0], NOW))
        assert [one.id for one in before] == [waiting.id]  # what is going to be, no gateway being there
        assert await carried_out(ledger, leaked(reissue=True)) == 1
        (moved,) = await ledger.read(revoking.of(leaked(reissue=True).keys[0], NOW))
        assert moved == replace(waiting, key_id="k2")
        assert await ledger.read(issuing.needing("k1", NOW)) == []

    async def test_issuing_again_after_that_gives_the_callback_with_its_new_key(self, ledger: Ledger) -> None:
        waiting = callback()
        await issue(ledger, waiting, "order-7")
        await carried_out(ledger, leaked(reissue=True))
        again = await issue(ledger, callback(), "order-7")
        assert (again.again, again.callback.id, again.callback.key_id) == (True, waiting.id, "k2")


async def test_a_callback_that_nobody_has_seen_is_signed_with_the_key_of_now(ledger: Ledger) -> None:
    waiting = await open_callback(ledger)
    signed = await ledger.write(issuing.sign_again(waiting, "k2"), within=10)
    assert signed == replace(waiting, key_id="k2")
    # One that somebody else has given a third key meanwhile keeps that.
    assert await ledger.write(issuing.sign_again(waiting, "k3"), within=10) == signed


async def test_a_key_is_not_needed_by_callbacks_without_an_url(ledger: Ledger) -> None:
    await open_callback(ledger, key_id="")
    await open_callback(ledger)
    (needs,) = await ledger.read(issuing.needing("k1", NOW))
    assert needs.callbacks == 1
