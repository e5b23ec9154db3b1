"""Refusing a token takes as long whatever is wrong with it: time does not tell how near a guess was."""

from __future__ import annotations

import time
from statistics import median

from gateway.errors import NotAuthentic
from gateway.keyring import Status
from gateway.tokens import mint, read
from tests.core.samples import claims, key, ring


def _changed(text: str, place: int) -> str:
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


def test_a_wrong_first_digit_a_wrong_last_one_and_an_unknown_key_take_as_long() -> None:
    keys = ring(key("k1", 1), key("k2", 2, Status.ENABLED))
    said = claims()
    token = mint(said, keys, keys.primary)
    begins = token.rindex(".") + 1
    wrong = {
        "first": _changed(token, begins),
        "last": _changed(token, len(token) - 1),
        "unknown key": token.replace("k1.", "k9.", 1),
    }
    took: dict[str, list[int]] = {name: [] for name in wrong}
    for _ in range(3000):
        for name, text in wrong.items():
            began = time.perf_counter_ns()
            try:
                read(said.source, text, keys)
            except NotAuthentic:
                took[name].append(time.perf_counter_ns() - began)
    assert {len(times) for times in took.values()} == {3000}
    medians = [median(times) for times in took.values()]
    # Interleaved, so that what else the machine does falls on all alike.
    assert max(medians) < 1.1 * min(medians), took.keys()
