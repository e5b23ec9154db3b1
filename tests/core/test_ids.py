"""The ids that the gateway gives out."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from gateway import ids

_CROCKFORD = re.compile("[0-9abcdefghjkmnpqrstvwxyz]+")
_TEN_BYTES = st.binary(min_size=10, max_size=10)
_MILLISECONDS = st.integers(0, (1 << 48) - 1)


@given(st.binary(min_size=16, max_size=16))
def test_a_callback_id_survives_packing(packed: bytes) -> None:
    text = ids.unpack_callback_id(packed)
    assert ids.pack_callback_id(text) == packed
    assert ids.unpack_callback_id(ids.pack_callback_id(text)) == text


@given(_MILLISECONDS, _TEN_BYTES)
def test_an_id_is_its_bits_in_crockfords_digits(milliseconds: int, random: bytes) -> None:
    text = ids.new_id("cb", milliseconds / 1000, random).removeprefix("cb_")
    number = 0
    for character in text:
        number = number * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(character)
    assert number == int(milliseconds / 1000 * 1000) << 80 | int.from_bytes(random, "big")
    assert ids.pack_callback_id(f"cb_{text}") == number.to_bytes(16, "big")


@given(_MILLISECONDS, _TEN_BYTES)
def test_an_id_is_26_safe_characters_after_its_prefix(milliseconds: int, random: bytes) -> None:
    prefix, _, rest = ids.new_id("cb", milliseconds / 1000, random).partition("_")
    assert prefix == "cb"
    assert len(rest) == 26
    assert _CROCKFORD.fullmatch(rest)


@given(st.integers(0, 1 << 37), st.integers(1, 1 << 37), _TEN_BYTES, _TEN_BYTES)
def test_ids_sort_by_time_whatever_the_random_bits_are(
    first: int, later_by: int, random: bytes, other: bytes
) -> None:
    # Whole seconds: a float holds them exactly.
    assert ids.new_id("cb", first, random) < ids.new_id("cb", first + later_by, other)


@given(_TEN_BYTES, _TEN_BYTES)
def test_ids_of_one_millisecond_differ_where_their_random_bits_do(random: bytes, other: bytes) -> None:
    assert (ids.new_id("cb", 1.0, random) == ids.new_id("cb", 1.0, other)) == (random == other)


@given(st.binary(min_size=13, max_size=13))
def test_a_reference_is_20_characters_of_100_random_bits(random: bytes) -> None:
    reference = ids.new_reference(random)
    assert len(reference) == ids.REFERENCE_LENGTH == 20
    assert _CROCKFORD.fullmatch(reference)


def test_each_of_a_references_100_bits_counts() -> None:
    zero = ids.new_reference(bytes(13))
    changed = {ids.new_reference((1 << bit).to_bytes(13, "big")) for bit in range(100)}
    assert len(changed) == 100
    assert zero not in changed
