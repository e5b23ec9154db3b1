"""Signatures inside a JSON body: each item of a batch has its own, over some of its fields."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway import strict_json
from gateway.delivery import Delivery
from gateway.errors import Malformed, Unverified
from gateway.providers.signatures.algorithm import Algorithm
from gateway.secret import Secret

Path = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemScheme:
    """
    A signature at a path of each item, over the values at other paths of it.

    The values are joined with a separator that nobody escapes, so only one of them, `free`, may hold
    it: with two, text could be moved from the one to the other. A value that is not there is empty.
    """

    items: Path
    signature: Path
    fields: tuple[Path, ...]
    separator: str
    free: Path
    algorithm: Algorithm
    signed: bool = True
    headers: frozenset[str] = frozenset()

    def key(self, secret: Secret) -> Secret:
        """The key of a secret; `ValueError` for one of the wrong form."""
        return Secret(self.algorithm.key(secret))

    def verify(self, delivery: Delivery, keys: Sequence[Secret], now: float) -> int:
        """
        The index of the key that signed the items, the largest where several did.

        Raises `Unverified` where one item is not signed, and where there is none.
        """
        try:
            items = strict_json.get(strict_json.read(delivery.body), self.items)
            if not isinstance(items, list) or not items:
                raise Unverified(f"there is nothing signed: no {'.'.join(self.items)}")
            return max(self._verify_item(item, keys) for item in items)
        except Malformed as error:
            raise Unverified(f"there is no signature to check: {error.detail}") from None

    def _verify_item(self, item: Any, keys: Sequence[Secret]) -> int:
        signature = strict_json.get(item, self.signature)
        if not isinstance(signature, str):
            raise Unverified("an item has no signature")
        signed = self._signed(item)
        for index, key in enumerate(keys):
            if self.algorithm.fits(key.reveal(), signed, (signature,)):
                return index
        raise Unverified("an item's signature does not fit")

    def _signed(self, item: Any) -> bytes:
        texts = []
        for path in self.fields:
            text = _text(strict_json.get(item, path))
            if self.separator in text and path != self.free:
                raise Unverified(f"{path[-1]} holds the separator of what is signed")
            texts.append(text)
        return self.separator.join(texts).encode()

    def sign(self, delivery: Delivery, key: Secret, now: float) -> Delivery:
        """The delivery with a signature in each item; its JSON is written anew."""
        value = json.loads(delivery.body)
        for item in strict_json.get(value, self.items):
            *way, last = self.signature
            place = item
            for name in way:
                place = place.setdefault(name, {})
            place[last] = self.algorithm.sign(key.reveal(), self._signed(item))
        return replace(delivery, body=json.dumps(value, separators=(",", ":")).encode())


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise Unverified("a signed field is neither a text nor a whole number")
