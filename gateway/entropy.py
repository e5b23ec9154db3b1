"""Random bytes of the system's, taken from it many at a time: each delivery needs a few of them."""

from __future__ import annotations

import os
from collections.abc import Iterator

_MANY = 1024


def _pieces(size: int) -> Iterator[bytes]:
    while True:
        taken = os.urandom(_MANY * size)
        for place in range(0, len(taken), size):
            yield taken[place : place + size]


_of_size: dict[int, Iterator[bytes]] = {}


def random_bytes(size: int) -> bytes:
    """So many bytes that nobody can guess, and that nobody else is given; for one thread."""
    pieces = _of_size.get(size)
    if pieces is None:
        pieces = _of_size[size] = _pieces(size)
    return next(pieces)


# A child would be given what its parent is.
os.register_at_fork(after_in_child=_of_size.clear)
