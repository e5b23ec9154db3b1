"""
A provider's sample as a delivery of now: times moved, ids made new, our reference in its place.

Where ids, types and references stand is the reader's declaration. Times are told by their form: all samples
happen around one moment, and what is near it moves with it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from gateway import strict_json
from gateway.delivery import Delivery, Event, Headers
from gateway.errors import Malformed
from gateway.providers.fields import Field, Place
from gateway.providers.reader import FieldReader
from gateway.providers.rewriting import place, rewritten
from gateway.providers.shifting import shifted

#: An id of fewer digits would be hit twice by chance.
_DIGITS = 9
#: `https://api.example.com/orders/` and `evt_`: what an id begins with.
_HEAD = re.compile(r"(?:.*/)?(?:[A-Za-z]{1,8}_)*")
#: Without a letter it is a number, or several.
_HEXADECIMAL = re.compile(r"(?=.*[a-f])[0-9a-f-]+|(?=.*[A-F])[0-9A-F-]+")
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def unsigned(document: Mapping[str, Any], url: str) -> Delivery:
    """The delivery that a sample's file describes: its `headers`, a `query`, and `json`, `form` or `text`."""
    if "json" in document:
        body = json.dumps(document["json"], separators=(",", ":"), ensure_ascii=False)
    elif "form" in document:
        body = urlencode([tuple(pair) for pair in document["form"]])
    else:
        body = document["text"]
    if "query" in document:
        url += ("&" if "?" in url else "?") + document["query"]
    return Delivery("POST", url, Headers(document["headers"].items()), body.encode(), 0.0)


def fresh(delivery: Delivery, reader: FieldReader, identity: str, now: float) -> Delivery:
    """
    The delivery as it would come at `now`, with ids of its own.

    `identity` is any text: the same one gives the same ids, another one others, of the same look. Where an
    event has no id that is signed, the objects it speaks of tell it apart, and are made new as well.
    """
    old = {text for event in reader.read(delivery) for text in _identifying(event, reader, delivery)}
    new = {text: like(text, identity) for text in old}

    def change(text: str) -> str:
        return new.get(text) or shifted(text, now)

    return replace(rewritten(delivery, reader, change), received_at=now)


def _identifying(event: Event, reader: FieldReader, delivery: Delivery) -> Iterator[str]:
    """The texts that tell an event from others of its type and time."""
    if not event.id_covered:
        yield from (text for text in event.objects if text not in event.references)
    if reader.id is None:
        return
    value = _value(event)
    kinds = {place.name for place in reader.type.places if place.kind != "has"}
    texts = [
        text
        for place, text in _read(reader.id, value, delivery)
        if place.name not in kinds and shifted(text, 0.0) == text
    ]
    # "/shop/payments" says whose id it is that stands beside it.
    yield from [text for text in texts if re.search(r"\d", text)] or texts


def _read(field: Field, value: Any, delivery: Delivery) -> list[tuple[Place, str]]:
    """The places of the first alternative that a delivery has, with their texts."""
    for alternative in field.alternatives:
        found = [(place, place.find(value, delivery)) for place in alternative]
        if all(texts or place.optional for place, texts in found):
            return [(place, texts[0]) for place, texts in found if texts and place.kind in ("json", "header")]
    return []


def _value(event: Event) -> Any:
    return strict_json.read(event.data) if event.json else {}


def like(text: str, identity: str) -> str:
    """Another text of the same look: digits for digits, letters for letters, its beginning kept."""
    head = _HEAD.match(text)
    kept = head[0] if head else ""
    rest = text[len(kept) :]
    if rest.isdecimal():
        rest = rest.ljust(_DIGITS, "1")
    digits = ""
    if _HEXADECIMAL.fullmatch(rest):
        digits = "0123456789ABCDEF" if rest.isupper() else "0123456789abcdef"
    noise = hashlib.shake_256(f"{identity}\n{text}".encode()).digest(len(rest))

    def other(character: str, byte: int) -> str:
        if digits and character != "-":
            return digits[byte % 16]
        if character.isdecimal():
            # No zero: a number does not begin with one.
            return "123456789"[byte % 9]
        if character.isascii() and character.isalpha():
            letter = _UPPER[byte % 26]
            return letter if character.isupper() else letter.lower()
        return character

    return kept + "".join(map(other, rest, noise))


def with_reference(delivery: Delivery, reader: FieldReader, reference: str) -> Delivery:
    """
    The delivery with our reference where the reader looks for it.

    `ValueError` where a delivery of this kind has no place for one.
    """
    if not reader.references:
        raise ValueError("no field that is signed could hold a reference: give the callback's own URL")
    first = next((event.references[0] for event in reader.read(delivery) if event.references), None)
    if first is not None:
        return rewritten(delivery, reader, lambda text: reference if text == first else text)
    (wanted,) = reader.references[0].places
    if wanted.kind == "text" or {"*", "@"} & set(wanted.path) or reader.items is not None:
        raise ValueError(f"this event has no {wanted.name} to put the reference in")
    types = [event.type for event in reader.read(delivery)]
    changed = place(delivery, reader, wanted.name, reference, header=wanted.kind == "header")
    if [event.type for event in reader.read(changed)] != types:
        raise ValueError(f"with a {wanted.name} it would be another event")
    return changed


def with_object(delivery: Delivery, reader: FieldReader, text: str) -> Delivery:
    """
    The delivery about another object of the provider's: with its id wherever the sample's own stands.

    `ValueError` where a delivery of this kind speaks of none, or its ids are not of this form.
    """
    about = next((text for event in reader.read(delivery) for text in event.objects), None)
    if about is None:
        raise ValueError("this event speaks of no object that an alias could name")
    changed = rewritten(delivery, reader, lambda found: text if found == about else found)
    if not any(text in event.objects for event in reader.read(changed)):
        raise ValueError(f"an id of the form of {about} is needed")
    return changed


def filled(delivery: Delivery, reader: FieldReader, kind: str) -> Delivery:
    """The delivery with a type and an id where a reader that is not the sample's own looks for them."""
    for field, text in ((reader.type, kind), (reader.id, "evt_1a2b3c4d5e6f")):
        for one in field.alternatives[0] if field else ():
            if one.kind == "header" or (one.kind == "json" and not {"*", "@"} & set(one.path)):
                delivery = place(delivery, reader, one.name, text, header=one.kind == "header")
    return delivery


def retyped(delivery: Delivery, reader: FieldReader, wanted: str) -> Delivery | None:
    """The delivery with another type where its type stands; None where that can't be written."""
    if reader.items is not None:
        return None
    for alternative in reader.type.alternatives:
        alternative = tuple(one for one in alternative if one.kind != "has")
        texts = wanted.rsplit(".", len(alternative) - 1) if len(alternative) > 1 else [wanted]
        if len(texts) != len(alternative):
            continue
        changed = delivery
        try:
            for one, text in zip(alternative, texts, strict=True):
                if one.kind in ("json", "header"):
                    changed = place(changed, reader, one.name, text, header=one.kind == "header")
            if [event.type for event in reader.read(changed)] == [wanted]:
                return changed
        except (ValueError, Malformed):
            continue
    return None
