"""Signatures inside a JSON body: one, or each item of a batch its own, over some fields."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway import strict_json
from gateway.delivery import Delivery
from gateway.errors import Malformed, Unverified
from gateway.providers import form
from gateway.providers.signatures.algorithm import Algorithm
from gateway.providers.signatures.timestamp import BodyTime, Timestamp
from gateway.secret import Secret

Path = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemScheme:
    """
    A signature at a path of each item, over the values at other paths of it.

    `items` is the path of the batch, () where the body is all there is. `payload` names the field of a form
    that holds the JSON, where it comes in one. The values are joined with a separator that nobody
    escapes, so only one of them, `free`, may hold it: with two, text could be moved from the one to the
    other. Without a separator the first has to be a time: a digit moved makes another century of it; or
    `forms` has a regular expression for all but one. A value that is not there is empty.
    """

    signature: Path
    fields: tuple[Path, ...]
    algorithm: Algorithm
    items: Path = ()
    payload: str | None = None
    separator: str = ""
    free: Path | None = None
    forms: Mapping[Path, str] = field(default_factory=dict)
    timestamp: Timestamp | None = None
    signed: bool = True
    headers: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        timed = self.timestamp is not None and self.timestamp.source == BodyTime(self.fields[0])
        bounded = (timed and len(self.fields) == 2) or len(self.forms) == len(self.fields) - 1
        if not self.separator and not bounded:
            raise ValueError("without a separator, a time and one text are signed, or all but one have forms")

    def key(self, secret: Secret) -> Secret:
        """The key of a secret; `ValueError` for one of the wrong form."""
        return Secret(self.algorithm.key(secret))

    def verify(self, delivery: Delivery, keys: Sequence[Secret], now: float) -> int:
        """
        The index of the key that signed the items, the largest where several did.

        Raises `Unverified` where one item is not signed, and where there is none.
        """
        try:
            items = strict_json.get(strict_json.read(self.content(delivery)), self.items)
            if not self.items:
                return self._verify_item(items, keys, now)
            if not isinstance(items, list) or not items:
                raise Unverified(f"there is nothing signed: no {'.'.join(self.items)}")
            return max(self._verify_item(item, keys, now) for item in items)
        except Malformed as error:
            raise Unverified(f"there is no signature to check: {error.detail}") from None

    def content(self, delivery: Delivery) -> bytes:
        """The JSON, from the form's field where it comes in one."""
        if self.payload is None:
            return delivery.body
        try:
            found = [value for name, value in form.read(delivery) or () if name == self.payload]
        except ValueError:
            raise Unverified("the body is not a form") from None
        if len(found) != 1:
            raise Unverified(f"the form has {self.payload} {len(found)} times")
        return found[0].encode()

    def _verify_item(self, item: Any, keys: Sequence[Secret], now: float) -> int:
        signature = strict_json.get(item, self.signature)
        if not isinstance(signature, str):
            raise Unverified("an item has no signature")
        signed = self._signed(item)
        for index, key in enumerate(keys):
            if self.algorithm.fits(key.reveal(), signed, (signature,)):
                if self.timestamp:
                    self.timestamp.judge(_text(strict_json.get(item, self.fields[0])), now)
                return index
        raise Unverified("an item's signature does not fit")

    def _signed(self, item: Any) -> bytes:
        texts = []
        for path in self.fields:
            text = _text(strict_json.get(item, path))
            if self.separator and self.separator in text and path != self.free:
                raise Unverified(f"{path[-1]} holds the separator of what is signed")
            if path in self.forms and not re.fullmatch(self.forms[path], text, re.ASCII):
                raise Unverified(f"{path[-1]} is not written as it is signed")
            texts.append(text)
        return self.separator.join(texts).encode()

    def sign(self, delivery: Delivery, key: Secret, now: float) -> Delivery:
        """The delivery with a signature in each item; its JSON is written anew."""
        value = json.loads(self.content(delivery))
        for item in strict_json.get(value, self.items) if self.items else (value,):
            if self.timestamp:
                _put(item, self.fields[0], self.timestamp.text(now))
            _put(item, self.signature, self.algorithm.sign(key.reveal(), self._signed(item)))
        text = json.dumps(value, separators=(",", ":"))
        if self.payload is not None:
            return form.with_value(delivery, self.payload, text)
        return replace(delivery, body=text.encode())


def _put(item: Any, path: Path, text: str) -> None:
    *way, last = path
    for name in way:
        item = item.setdefault(name, {})
    item[last] = text


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
