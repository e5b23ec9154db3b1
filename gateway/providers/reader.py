"""Reading a verified delivery by a declaration of where its values stand."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from gateway import strict_json
from gateway.delivery import Delivery, Event
from gateway.errors import Malformed
from gateway.providers import form, xml
from gateway.providers.fields import Field, at, text_at

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
    `payload` names the field of a form that holds the event, where the form has it, and `payload_form` how:
    XML goes on as JSON (see `gateway.providers.xml`). `items` says where the array of a batch is: fields
    are then looked up in each item. It is a path, "" for the body itself, with `*` for every item on the
    way; of several with "+" between them all that are there count, and with "|" the first. `covered` says
    what of the body is signed: all of it, the payload, nothing, or the JSON paths listed. With "sender"
    nothing is either, and a secret that comes along proves who sends; with "checksum" another body of the
    same checksum could have come. `covered_headers` are signed too.
    An event that `recurs` comes again in the same words and is another one all the same.
    """

    type: Field
    id: Field | None = None
    time: Field | None = None
    reason: Field | None = None
    references: tuple[Field, ...] = ()
    objects: tuple[Field, ...] = ()
    body: Literal["json", "json or form", "any"] = "json"
    payload: str | None = None
    payload_form: Literal["JSON", "XML in base64"] = "JSON"
    items: str | None = None
    covered: Literal["body", "payload", "checksum", "nothing", "sender"] | tuple[str, ...] = "body"
    covered_headers: frozenset[str] = frozenset()
    recurs: bool = False
    _id_covered: bool = field(init=False, repr=False, compare=False)
    _type_covered: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_id_covered", self.id is not None and self.covers(self.id))
        object.__setattr__(self, "_type_covered", self.covers(self.type))
        for reference in self.references:
            if len(reference.places) != 1:
                raise ValueError("a reference stands in one place: no + and no | here")
            # Who is known to send only notifies, and may name the callback that this wakes.
            if self.covered not in ("sender", "checksum") and not self.covers(reference):
                raise ValueError(
                    f"{reference.places[0].name} is not covered by the signature: whoever has seen one "
                    "delivery could name another callback there"
                )

    def covers(self, field: Field) -> bool:
        """Whether a change of what the field reads would break the signature."""
        if self.covered in ("nothing", "sender"):
            return False
        return all(
            place.kind == "text"
            or (place.kind == "header" and place.name in self.covered_headers)
            or (place.kind in ("json", "has") and self._covers_path(place.name))
            for place in field.places
        )

    def _covers_path(self, path: str) -> bool:
        # What a signed text says is signed with it.
        return self.covered in ("body", "payload") or path.partition(".@.")[0] in self.covered

    @property
    def headers(self) -> frozenset[str]:
        """The headers that reading needs."""
        fields = (self.type, self.id, self.time, self.reason, *self.references, *self.objects)
        return frozenset[str]().union(*(field.headers for field in fields if field))

    @property
    def correlates(self) -> bool:
        """Whether a reference or an object is read."""
        return bool(self.references or self.objects)

    def with_reference(self, text: str) -> FieldReader:
        """A reader that finds our reference in another field; `ValueError` for one that is not covered."""
        return replace(self, references=(at(text),))

    def read(self, delivery: Delivery, correlate: bool = True) -> tuple[Event, ...]:
        """The events of a delivery, references and objects only to `correlate` them; raises `Malformed`."""
        content = self._content(delivery)
        if self.items is None:
            return (self._event(content, delivery, correlate),)
        return tuple(
            self._event(_Content(item, data, True, "application/json"), delivery, correlate)
            for item, data in self._items(content.value, delivery.body)
        )

    def _items(self, value: Any, body: bytes) -> list[tuple[Any, bytes]]:
        """The items of a batch, each with its bytes; `Malformed` where there is no list of them."""
        assert self.items is not None
        for alternative in self.items.split("|"):
            paths = [tuple(path.split(".")) if path else () for path in alternative.split("+")]
            found = [strict_json.items(value, body, path) for path in paths]
            if any(items is not None for items in found):
                return [item for items in found for item in items or ()]
        raise Malformed(f"the body has no list of {self.items}" if self.items else "the body is no list")

    def _content(self, delivery: Delivery) -> _Content:
        media_type = delivery.media_type
        if self.body != "json" and (fields := self._form(delivery)) is not None:
            return fields
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

    def _form(self, delivery: Delivery) -> _Content | None:
        try:
            pairs = form.read(delivery)
        except ValueError:
            raise Malformed("the body is not a form in UTF-8") from None
        if pairs is None:
            return None
        fields = form.collect(pairs)
        if self.payload is None or self.payload not in fields:
            return _Content(fields, form.as_json(fields), True, "application/json")
        payload = fields[self.payload]
        if not isinstance(payload, str):
            raise Malformed(f"the form has {self.payload} more than once")
        if self.payload_form == "XML in base64":
            value = xml.read(_base64(payload))
            return _Content(value, json.dumps(value, ensure_ascii=False).encode(), True, "application/json")
        return _Content(strict_json.read(payload.encode()), payload.encode(), True, "application/json")

    def _event(self, content: _Content, delivery: Delivery, correlate: bool) -> Event:
        value = content.value
        kind = self.type.read(value, delivery)
        identity = self.id.read(value, delivery) if self.id else None
        time = self.time.read(value, delivery) if self.time else None
        reason = self.reason.read(value, delivery) if self.reason else None
        if kind is None:
            names = " or ".join("+".join(place.name for place in places) for places in self.type.alternatives)
            raise Malformed(f"there is no event type: {names} is missing")
        if not _usable(kind) or (identity is not None and not _usable(identity)):
            name = "id" if _usable(kind) else "type"
            raise Malformed(f"the event's {name} has control characters or more than {MAX_TEXT}")
        return Event(
            identity,
            kind,
            content.data,
            content.json,
            content.media_type,
            time if time and _RFC3339.fullmatch(time) else None,
            self._digest(content, delivery),
            self._id_covered,
            self._type_covered,
            _texts(self.references, value, delivery) if correlate else (),
            _texts(self.objects, value, delivery) if correlate else (),
            _one_line(reason) if reason else None,
            self.covered == "body" and not self.recurs and content.data is delivery.body,
        )

    def _digest(self, content: _Content, delivery: Delivery) -> bytes | None:
        if self.recurs or self.covered in ("nothing", "sender"):
            return None
        if self.covered in ("body", "checksum"):
            # An item of a batch comes again in other company.
            return hashlib.sha256(delivery.body if self.items is None else content.data).digest()
        if self.covered == "payload":
            return hashlib.sha256(content.data).digest()
        values = [at(path).read(content.value, delivery) for path in self.covered]
        return hashlib.sha256(json.dumps(values).encode()).digest()


def _texts(fields: Iterable[Field], value: Any, delivery: Delivery) -> tuple[str, ...]:
    """The texts of all these fields that may be a key, each once."""
    found: list[str] = []
    for one in fields:
        if one.path is None:
            found += one.every(value, delivery)
        elif (text := text_at(value, one.path)) is not None:
            found.append(text)
    return tuple(dict.fromkeys(filter(_usable, found))) if found else ()


def _usable(text: str) -> bool:
    """Whether a text may be a key: of bounded length, without controls (PostgreSQL takes no NUL)."""
    return len(text) <= MAX_TEXT and text.isprintable()


def _one_line(text: str) -> str:
    text = text[:_MAX_REASON]
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def _base64(text: str) -> bytes:
    """The bytes of a payload in base64, which may be written in lines."""
    try:
        return base64.b64decode("".join(text.splitlines()), validate=True)
    except ValueError:
        raise Malformed("the payload is not base64") from None


def _as_sent(delivery: Delivery) -> str:
    sent = delivery.headers.one("content-type") or ""
    return sent if "/" in sent and sent.isascii() and _usable(sent) else "application/octet-stream"
