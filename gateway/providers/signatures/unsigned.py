"""No signature at all: the URL is the only proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.delivery import Delivery
from gateway.secret import Secret


@dataclass(frozen=True, slots=True)
class Unsigned:
    """Checks nothing. For a source that says so by its provider, and for nobody else."""

    signed: bool = False
    headers: frozenset[str] = frozenset()

    def key(self, secret: Secret) -> Secret:
        """Raises `ValueError`: a secret here would be one that nobody checks."""
        raise ValueError("this provider signs nothing, so there is no secret to check; take it out")

    def verify(self, delivery: Delivery, keys: Sequence[Secret], now: float) -> int:
        """0, whatever came."""
        return 0

    def sign(self, delivery: Delivery, key: Secret, now: float) -> Delivery:
        """The delivery as it is."""
        return delivery
