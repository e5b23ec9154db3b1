"""The arithmetic behind the bounds: rates, addresses, room for bodies."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import TryLater
from gateway.public.peer import Peers
from gateway.public.rate import Rate
from gateway.public.room import SMALL, Room

NOW = 1000.0


class TestRate:
    def test_so_many_happen_at_once_and_then_one_after_another(self) -> None:
        rate = Rate(60)
        for _ in range(60):
            assert rate.wait("k", NOW) == 0
            rate.count("k", NOW)
        assert rate.wait("k", NOW) == 1
        assert rate.wait("k", NOW + 1) == 0
        rate.count("k", NOW + 1)
        assert rate.wait("k", NOW + 1) == 1
        assert rate.wait("other", NOW) == 0

    def test_what_is_far_beyond_waits_for_a_minute_at_most(self) -> None:
        rate = Rate(60)
        for _ in range(100_000):
            rate.count("k", NOW)
        assert rate.wait("k", NOW) == 61
        assert rate.wait("k", NOW + 61) == 0

    @given(st.integers(1, 5000), st.lists(st.floats(0, 5), min_size=1, max_size=200))
    def test_whoever_waits_as_told_is_never_told_again(self, per_minute: int, pauses: list[float]) -> None:
        rate, now = Rate(per_minute), NOW
        for pause in pauses:
            now += pause
            now += rate.wait("k", now)
            assert rate.wait("k", now) == 0
            rate.count("k", now)

    def test_the_keys_that_are_known_are_bounded_and_the_last_are_kept(self) -> None:
        rate = Rate(1, max_keys=100)
        for number in range(1000):
            rate.count(number, NOW)
        assert [number for number in range(1000) if rate.wait(number, NOW)] == list(range(900, 1000))


class TestPeers:
    @pytest.mark.parametrize(
        ("peer", "forwarded", "client"),
        [
            ("10.0.0.1", [b"203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", [b"198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", [b"198.51.100.1", b"203.0.113.7, 10.0.0.2"], "203.0.113.7"),
            ("10.0.0.1", [b"203.0.113.7:4711"], "203.0.113.7"),
            ("10.0.0.1", [b"[2001:db8::1]:4711"], "2001:db8::/64"),
            ("10.0.0.1", [b"2001:db8::ffff:1"], "2001:db8::/64"),
            ("::ffff:10.0.0.1", [b"::ffff:203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", [b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", [b"203.0.113.7, unknown"], "10.0.0.1"),
            ("10.0.0.1", [b"203.0.113.7, \xff\xfe, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", [b""], "10.0.0.1"),
            ("10.0.0.1", [], "10.0.0.1"),
            # Not one of the trusted ones: whatever it says.
            ("203.0.113.9", [b"198.51.100.1"], "203.0.113.9"),
            ("2001:db8::2", [b"198.51.100.1"], "2001:db8::/64"),
            ("", [b"198.51.100.1"], ""),
        ],
    )
    def test_only_what_a_trusted_proxy_appended_counts(
        self, peer: str, forwarded: list[bytes], client: str
    ) -> None:
        headers = [(b"x-forwarded-for", value) for value in forwarded]
        assert Peers([ip_network("10.0.0.0/8")]).address(peer, headers) == client
        assert Peers([]).address(peer, headers) == Peers([]).address(peer, [])

    @given(st.binary(max_size=200))
    def test_no_header_makes_it_fail(self, value: bytes) -> None:
        assert Peers([ip_network("10.0.0.0/8")]).address("10.0.0.1", [(b"x-forwarded-for", value)])


class TestRoom:
    def test_large_bodies_share_what_there_is_and_small_ones_need_none(self) -> None:
        room = Room(100)
        first, second = room.body(), room.body()
        first.grow(SMALL)
        first.grow(60)
        first.grow(40)
        second.grow(SMALL)
        with pytest.raises(TryLater):
            second.grow(1)
        second.leave()
        first.leave()
        room.body().grow(SMALL + 100)

    @given(st.lists(st.lists(st.integers(0, 3 * SMALL), max_size=5), max_size=10))
    def test_everything_that_is_taken_comes_back(self, bodies: list[list[int]]) -> None:
        room = Room(4 * SMALL)
        for sizes in bodies:
            place = room.body()
            try:
                for size in sizes:
                    place.grow(size)
            except TryLater:
                pass
            place.leave()
        room.take(4 * SMALL)
