"""What a signing algorithm has to do for a scheme."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.secret import Secret


class Algorithm(Protocol):
    """
    A way to sign bytes with a key. Keys are bytes here, as `key` made them from a secret.
    """

    def takes(self, secret: Secret) -> bool:
        """Whether a secret looks like one of this algorithm, where a scheme has several."""
        ...

    def key(self, secret: Secret) -> bytes:
        """The key bytes; `ValueError`, without the secret in it, for a secret of the wrong form."""
        ...

    def fits(self, key: bytes, signed: bytes, candidates: Sequence[str]) -> bool:
        """Whether one of the candidates, as spelled in the header, is a signature of the bytes."""
        ...

    def sign(self, key: bytes, signed: bytes) -> str:
        """The signature of the bytes, as it is spelled in the header."""
        ...
