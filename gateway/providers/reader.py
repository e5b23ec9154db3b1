"""Reading a verified delivery by a declaration of where its values stand."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from gateway import strict_json
from gateway.delivery import Delivery, Event
from gateway.errors import Malformed
from gateway.providers import form
from gateway.providers.fields import Field, at

#: Ids and types are keys of the ledger. The longest that is documented is below 100 characters.
MAX_TEXT = 512
_MAX_REASON = 1000
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,12})?([Zz]|[+-]\d\d:\d\d)")
_NO_VALUE: dict[str, Any] = {}


class _Content(NamedTuple):
    """A body: its parsed value, the bytes that go on, whether those are JSON, and what they are."""

    value: Any
    data: bytes
    json: bool
    media_type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldReader:
    """
    Reads events by fields (see `gateway.providers.fields`).

    `body` says what is taken: JSON; JSON or a form; or anything, where what is neither goes on as bytes.
    `payload` names the field of a form that holds the event as JSON, where the form has it. `items` is
    the path of the array of a batch: fields are then looked up in each item. `covered` says what of
    the body is signed: all of it, nothing, or the JSON paths listed; with "sender" nothing is either, and
    a secret that comes along proves who sends. `covered_headers` are signed too.
    """

    type: Field
    id: Field | None = None
    time: Field | None = None
    reason: Field | None = None
    references: tuple[Field, ...] = ()
    objects: tuple[Field, ...] = ()
    body: Literal["json", "json or form", "any"] = "json"
    payload: str | None = None
    items: str | None = None
    covered: Literal["body", "nothing", "sender"] | tuple[str, ...] = "body"
    covered_headers: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for field in self.references:
            if len(field.places) != 1:
                raise ValueError("a reference stands in one place: no + and no | here")
            # Whoever holds the secret only notifies, and may name the callback that this wakes.
            if self.covered != "sender" and not self._covers(field):
                raise ValueError(
                    f"{field.places[0].name} is not covered by the signature: whoever has seen one delivery "
                    "could name another callback there"
                )

    def _covers(self, field: Field) -> bool:
        """Whether a change of what the field reads would break the signature."""
        if self.covered in ("nothing", "sender"):
            return False
        return all(
            place.kind == "text"
            or (place.kind == "header" and place.name in self.covered_headers)
            or (place.kind == "json" and (self.covered == "body" or place.name in self.covered))
            for place in field.places
        )

    @property
    def headers(self) -> frozenset[str]:
        """The headers that reading needs."""
        fields = (self.type, self.id, self.time, self.reason, *self.references, *self.objects)
        return frozenset[str]().union(*(field.headers for field in fields if field))

    def with_reference(self, text: str) -> FieldReader:
        """A reader that finds our reference in another field; `ValueError` for one that is not covered."""
        return replace(self, references=(at(text),))

    def read(self, delivery: Delivery) -> tuple[Event, ...]:
        """The events of a delivery; raises `Malformed`."""
        content = self._content(delivery)
        if self.items is None:
            return (self._event(content, delivery),)
        path = tuple(self.items.split("."))
        items = strict_json.get(content.value, path)
        if not isinstance(items, list):
            raise Malformed(f"the body has no list of {self.items}")
        parts = zip(items, strict_json.slices(delivery.body, path), strict=True)
        return tuple(
            self._event(_Content(item, data, True, "application/json"), delivery) for item, data in parts
        )

    def _content(self, delivery: Delivery) -> _Content:
        media_type = delivery.media_type
        if self.body != "json" and media_type == form.MEDIA_TYPE:
            return self._form(delivery.body)
        is_json = media_type in ("", "application/json") or media_type.endswith("+json")
        if self.body == "any" and not is_json:
            return _Content(_NO_VALUE, delivery.body, False, _as_sent(delivery))
        try:
            value = strict_json.read(delivery.body)
        except Malformed:
            if self.body != "any":
                raise
            return _Content(_NO_VALUE, delivery.body, False, _as_sent(delivery))
        return _Content(value, delivery.body, True, "application/json")

    def _form(self, body: bytes) -> _Content:
        try:
            fields = form.collect(form.parse(body))
        except ValueError:
            raise Malformed("the body is not a form in UTF-8") from None
        if self.payload is None or self.payload not in fields:
            return _Content(fields, form.as_json(fields), True, "application/json")
        payload = fields[self.payload]
        if not isinstance(payload, str):
            raise Malformed(f"the form has {self.payload} more than once")
        return _Content(strict_json.read(payload.encode()), payload.encode(), True, "application/json")

    def _event(self, content: _Content, delivery: Delivery) -> Event:
        def text(field: Field | None) -> str | None:
            return field.read(content.value, delivery) if field else None

        def texts(fields: Iterable[Field]) -> tuple[str, ...]:
            found = (item for field in fields for item in field.every(content.value, delivery))
            return tuple(dict.fromkeys(item for item in found if _usable(item)))

        kind, identity, time, reason = text(self.type), text(self.id), text(self.time), text(self.reason)
        if kind is None:
            names = " or ".join("+".join(place.name for place in places) for places in self.type.alternatives)
            raise Malformed(f"there is no event type: {names} is missing")
        for name, value in (("type", kind), ("id", identity)):
            if value is not None and not _usable(value):
                raise Malformed(f"the event's {name} has control characters or more than {MAX_TEXT}")
        return Event(
            id=identity,
            type=kind,
            data=content.data,
            json=content.json,
            media_type=content.media_type,
            time=time if time and _RFC3339.fullmatch(time) else None,
            digest=self._digest(content, delivery),
            id_covered=self.id is not None and self._covers(self.id),
            type_covered=self._covers(self.type),
            references=texts(self.references),
            objects=texts(self.objects),
            reason=_one_line(reason) if reason else None,
        )

    def _digest(self, content: _Content, delivery: Delivery) -> bytes | None:
        if self.covered in ("nothing", "sender"):
            return None
        if self.covered == "body":
            # An item of a batch comes again in other company.
            return hashlib.sha256(delivery.body if self.items is None else content.data).digest()
        values = [at(path).read(content.value, delivery) for path in self.covered]
        return hashlib.sha256(json.dumps(values).encode()).digest()


def _usable(text: str) -> bool:
    """Whether a text may be a key: of bounded length, without controls (PostgreSQL takes no NUL)."""
    return len(text) <= MAX_TEXT and text.isprintable()


def _one_line(text: str) -> str:
    text = text[:_MAX_REASON]
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def _as_sent(delivery: Delivery) -> str:
    sent = delivery.headers.one("content-type") or ""
    return sent if "/" in sent and sent.isascii() and _usable(sent) else "application/octet-stream"
