"""Secret bytes that do not show themselves."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.secret import Secret


@given(st.binary(min_size=4))
def test_only_reveal_gives_the_bytes(value: bytes) -> None:
    secret = Secret(value)
    assert secret.reveal() == value
    assert repr(secret) == str(secret) == f"{secret}" == f"<Secret sha256:{secret.fingerprint}>"


@given(st.binary(), st.binary())
def test_secrets_are_equal_where_their_bytes_are(one: bytes, other: bytes) -> None:
    assert (Secret(one) == Secret(other)) == (one == other)
    assert Secret(one) != one
    assert len({Secret(one), Secret(one)}) == 1


def test_a_text_is_taken_as_utf_8() -> None:
    assert Secret("é").reveal() == b"\xc3\xa9"
    assert len(Secret("é")) == 2


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="a Secret is not pickled"):
        pickle.dumps(Secret("s3cret"))
