"""The invocation that an awakeable belongs to: a pair of a real server's, and the shape for any."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from gateway.invocations import invocation_id, signal_index
from gateway.targets import Awakeable


def test_a_pair_that_restate_server_1_7_12_gave_out() -> None:
    awakeable = Awakeable("sign_1JUmPkjPlOiurRvzLkoxEBTb0fcPM2t3wAAAAEQ")
    assert invocation_id(awakeable) == "inv_13I6YOkv8HMF7kvxSb0jWAnlJ3U9Xc1WOf"
    assert signal_index(awakeable) == 17


@given(st.binary(min_size=24, max_size=24), st.binary(min_size=24, max_size=24), st.integers(17, 2**32 - 1))
def test_each_invocation_has_an_id_of_its_own_whatever_the_signal(a: bytes, b: bytes, index: int) -> None:
    first, second, other = (
        Awakeable(Awakeable.unpack(packed + signal.to_bytes(4, "big")))
        for packed, signal in ((a, index), (a, 17), (b, index))
    )
    assert re.fullmatch(r"inv_1[0-9a-zA-Z]{33}", invocation_id(first))
    assert invocation_id(first) == invocation_id(second)
    assert (invocation_id(first) == invocation_id(other)) is (a == b)
    assert signal_index(first) == index
