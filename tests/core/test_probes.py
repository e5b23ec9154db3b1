"""Probes: which tokens and reports are ours, and that nobody else's ever is."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import probes
from gateway.errors import NotAuthentic
from gateway.keyring import KeyRing, Status
from gateway.probes import LIFETIME, PATH, SHOWN_BYTES, Arrived
from tests.core.samples import NOW, key, ring

RANDOM = b"8 random"
_TEXT = st.text(st.characters(codec="latin-1"), max_size=50)


def arrived(body: bytes = b"{}") -> Arrived:
    """A probe that came."""
    return Arrived.of("a1", "POST", f"{PATH}x", "probe=x", [("content-type", "text/plain")], body)


def test_a_token_is_good_for_two_minutes() -> None:
    token = probes.mint(ring(), NOW, RANDOM)
    probes.check(token, ring(), NOW)
    probes.check(token, ring(), NOW + LIFETIME)
    with pytest.raises(NotAuthentic):
        probes.check(token, ring(), NOW + LIFETIME + 1)


def test_a_token_is_one_path_segment_wherever_a_proxy_puts_it() -> None:
    token = probes.mint(ring(), NOW, os.urandom(8))
    for path, query in (
        (f"{PATH}{token}", ""),
        (f"/api{PATH}{token}/more", ""),
        ("/elsewhere", f"probe={token}"),
        ("/elsewhere", f"a=1&probe={token}&b=2"),
    ):
        assert list(probes.find(path, query)) == [token]


def test_a_long_text_is_not_looked_at() -> None:
    assert list(probes.find(PATH + "x" * 4096, "probe=" + "x" * 4096)) == []


@pytest.mark.parametrize(
    "other",
    [
        ring(deployment="staging"),
        ring(key(fill=2)),
        ring(key("k1", status=Status.DISABLED), key("k2", fill=3)),
        ring(key("k2")),
    ],
    ids=["another deployment", "another secret", "a retired key", "another id"],
)
def test_another_key_ring_opens_neither_token_nor_report(other: KeyRing) -> None:
    with pytest.raises(NotAuthentic):
        probes.check(probes.mint(ring(), NOW, RANDOM), other, NOW)
    with pytest.raises(NotAuthentic):
        probes.open_report(probes.seal(arrived(), ring()), other)


def test_a_key_that_only_verifies_opens_what_it_has_sealed() -> None:
    token, report = probes.mint(ring(), NOW, RANDOM), probes.seal(arrived(), ring())
    rotated = ring(key(status=Status.ENABLED), key("k2", fill=2))
    probes.check(token, rotated, NOW)
    assert probes.open_report(report, rotated) == arrived()


def test_a_token_is_no_report_and_a_report_no_token() -> None:
    with pytest.raises(NotAuthentic):
        probes.open_report(probes.mint(ring(), NOW, RANDOM), ring())
    with pytest.raises(NotAuthentic):
        probes.check(probes.seal(arrived(), ring()), ring(), NOW)


@given(_TEXT, _TEXT, st.lists(st.tuples(_TEXT, _TEXT), max_size=5), st.binary(max_size=200))
def test_a_report_says_what_came(path: str, query: str, headers: list[tuple[str, str]], body: bytes) -> None:
    came = Arrived.of("a1", "POST", path, query, headers, body)
    assert probes.open_report(probes.seal(came, ring()), ring()) == came


def test_of_a_large_body_the_report_has_the_beginning_and_the_digest() -> None:
    large = arrived(b"x" * 1_000_000)
    assert (large.size, len(large.start)) == (1_000_000, SHOWN_BYTES)
    assert len(probes.seal(large, ring())) < 10_000
    assert large.sha256 != arrived(b"x" * 999_999).sha256


@given(st.text(max_size=300))
def test_any_other_text_is_refused_and_nothing_else_happens(text: str) -> None:
    for candidate in (text, f"k1.{text}", probes.mint(ring(), NOW, RANDOM) + text[:1] + "x"):
        with pytest.raises(NotAuthentic):
            probes.check(candidate, ring(), NOW)
        with pytest.raises(NotAuthentic):
            probes.open_report(candidate, ring())
    for found in probes.find(text, text):
        assert found in text


def test_what_a_report_holds_is_not_in_its_repr() -> None:
    came = Arrived.of("a1", "POST", "/c/probe/TOKEN", "probe=TOKEN", [("x", "VALUE")], b"BODY")
    assert not any(word in repr(came) for word in ("TOKEN", "VALUE", "BODY"))
