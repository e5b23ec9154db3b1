"""
Where a provider's values stand, written as text.

    data.object.id                      a JSON path; `*` for every item, a number for one of an array
    header:x-github-event               a header
    text:message                        a fixed text
    json:a+json:b                       several, joined with "."
    header:x-github-event+action?       the last one left out where the delivery has none
    error.message|reason                the first that the delivery has

A form is read as an object of its fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Literal

from gateway import strict_json
from gateway.delivery import Delivery

#: A delivery names few of our references; whoever sends more is looking for one.
_MAX_FOUND = 16
_HEADER = re.compile(r"[a-z0-9!#$%&'*.^_`~-]+")
_PATH = re.compile(r"[^\s.|+?:]+(\.[^\s.|+?:]+)*")


@dataclass(frozen=True, slots=True)
class Place:
    """One place: a JSON path, a header (in lower case), or a fixed text."""

    kind: Literal["json", "header", "text"]
    name: str
    path: tuple[str, ...] = ()
    optional: bool = False

    @classmethod
    def of(cls, text: str) -> Place:
        """The place that a text names; `ValueError` for one that is not written as above."""
        optional = text.endswith("?")
        kind, colon, name = text.removesuffix("?").partition(":")
        if not colon:
            kind, name = "json", kind
        match kind:
            case "header" if _HEADER.fullmatch(name.lower()):
                return cls("header", name.lower(), (), optional)
            case "text" if name and name.isprintable():
                return cls("text", name, (), optional)
            case "json" if _PATH.fullmatch(name):
                return cls("json", name, tuple(name.split(".")), optional)
        raise ValueError(f'"{text}" is no place; json:data.id, header:x-event or text:done would be one')

    def find(self, value: Any, delivery: Delivery) -> Iterator[str]:
        """The texts at the place; `Malformed` or `Unverified` where it is ambiguous."""
        if self.kind == "text":
            yield self.name
        elif self.kind == "header":
            if text := delivery.headers.one(self.name):
                yield text
        else:
            yield from filter(None, map(as_text, strict_json.find(value, self.path)))


@dataclass(frozen=True, slots=True)
class Field:
    """Alternatives; each a list of places whose texts are joined with "."."""

    alternatives: tuple[tuple[Place, ...], ...]

    @property
    def places(self) -> tuple[Place, ...]:
        """All places."""
        return tuple(place for alternative in self.alternatives for place in alternative)

    @property
    def headers(self) -> frozenset[str]:
        """The headers that are read."""
        return frozenset(place.name for place in self.places if place.kind == "header")

    def read(self, value: Any, delivery: Delivery) -> str | None:
        """The text of the first alternative that the delivery has; None where it has none."""
        for alternative in self.alternatives:
            texts = [(place, next(place.find(value, delivery), None)) for place in alternative]
            if all(text is not None or place.optional for place, text in texts):
                return ".".join(text for _, text in texts if text is not None) or None
        return None

    def every(self, value: Any, delivery: Delivery) -> list[str]:
        """The texts of a single place that may stand for many."""
        return list(islice(self.alternatives[0][0].find(value, delivery), _MAX_FOUND))


@lru_cache
def at(text: str) -> Field:
    """The field that a text names; `ValueError` for one that is not written as above."""
    return Field(tuple(tuple(map(Place.of, part.split("+"))) for part in text.split("|")))


def as_text(value: Any) -> str | None:
    """A text, a whole number or a truth value as text; None for anything else and for an empty text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return value or None if isinstance(value, str) else None
