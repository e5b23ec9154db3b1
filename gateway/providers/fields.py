"""
Where a provider's values stand, written as text.

    data.object.id                      a JSON path; `*` for every item, a number for one of an array
    header:x-github-event               a header
    text:message                        a fixed text
    json:a+json:b                       several, joined with "."
    header:x-github-event+action?       the last one left out where the delivery has none
    error.message|reason                the first that the delivery has
    status=paid                         a value, there only where it is this one
    text:call+has:call_id               has to be there, and is not part of the text
    Message.@.reference                 a text that is JSON itself, read on behind `@`

A form is read as an object of its fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from gateway import strict_json
from gateway.delivery import Delivery

#: A delivery names few of our references; whoever sends more is looking for one.
_MAX_FOUND = 16
_HEADER = re.compile(r"[a-z0-9!#$%&'*.^_`~-]+")
_PATH = re.compile(r"[^\s.|+?:=]+(\.[^\s.|+?:=]+)*")


@dataclass(frozen=True, slots=True)
class Place:
    """
    One place: a JSON path, a header (in lower case), a fixed text, or a path that gives no text; `only` is
    the value it must have.
    """

    kind: Literal["json", "header", "text", "has"]
    name: str
    path: tuple[str, ...] = ()
    optional: bool = False
    only: str | None = None
    #: Whether no more than one text can stand there.
    single: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "single", self.kind == "json" and "*" not in self.path)

    @classmethod
    def of(cls, text: str) -> Place:
        """The place that a text names; `ValueError` for one that is not written as above."""
        optional = text.endswith("?")
        kind, colon, name = text.removesuffix("?").partition(":")
        if not colon:
            kind, name = "json", kind
        if kind == "text" and name and name.isprintable():
            return cls("text", name, (), optional)
        name, equals, value = name.partition("=")
        only = value if equals else None
        if only != "":
            if kind == "header" and _HEADER.fullmatch(name.lower()):
                return cls("header", name.lower(), (), optional, only)
            if kind in ("json", "has") and _PATH.fullmatch(name):
                return cls("has" if kind == "has" else "json", name, tuple(name.split(".")), optional, only)
        raise ValueError(f'"{text}" is no place; json:data.id, header:x-event or text:done would be one')

    @property
    def is_plain(self) -> bool:
        """Whether it is a JSON path without `*` that has to be there, with whatever value."""
        return self.single and self.only is None and not self.optional

    def __str__(self) -> str:
        text = self.name if self.only is None else f"{self.name}={self.only}"
        kind = "" if self.kind == "json" and ":" not in text else f"{self.kind}:"
        return f"{kind}{text}{'?' if self.optional else ''}"

    def first(self, value: Any, delivery: Delivery) -> str | None:
        """The first of the texts at the place."""
        if self.single:
            text = text_at(value, self.path)
            return text if self.only is None or text == self.only else None
        return next(iter(self.find(value, delivery)), None)

    def find(self, value: Any, delivery: Delivery) -> list[str]:
        """The texts at the place; `Malformed` or `Unverified` where it is ambiguous."""
        if self.kind == "text":
            return [self.name]
        if self.kind == "header":
            header = delivery.headers.one(self.name)
            texts = [header] if header else []
        elif self.kind == "has" and self.only is None:
            return [""] if any(found is not None for found in strict_json.find(value, self.path)) else []
        else:
            texts = [text for one in strict_json.find(value, self.path) if (text := as_text(one))]
        found = texts if self.only is None else [text for text in texts if text == self.only]
        return [""] if found and self.kind == "has" else found


@dataclass(frozen=True, slots=True)
class Field:
    """Alternatives; each a list of places whose texts are joined with "."."""

    alternatives: tuple[tuple[Place, ...], ...]
    #: All places.
    places: tuple[Place, ...] = field(init=False, repr=False, compare=False)
    #: Of a field that is a path and nothing else, without `*`.
    path: tuple[str, ...] | None = field(init=False, repr=False, compare=False)
    #: The paths of the alternatives where each is one and nothing else, as most are.
    _paths: tuple[tuple[str, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        places = tuple(place for alternative in self.alternatives for place in alternative)
        plain = len(places) == len(self.alternatives) and all(place.is_plain for place in places)
        object.__setattr__(self, "places", places)
        paths = tuple(place.path for place in places) if plain else ()
        object.__setattr__(self, "path", paths[0] if len(paths) == 1 else None)
        object.__setattr__(self, "_paths", paths)

    def __str__(self) -> str:
        return "|".join("+".join(map(str, places)) for places in self.alternatives)

    @property
    def headers(self) -> frozenset[str]:
        """The headers that are read."""
        return frozenset(place.name for place in self.places if place.kind == "header")

    def read(self, value: Any, delivery: Delivery) -> str | None:
        """The text of the first alternative that the delivery has; None where it has none."""
        for path in self._paths:
            if (text := text_at(value, path)) is not None:
                return text
        if self._paths:
            return None
        for alternative in self.alternatives:
            texts: list[str] = []
            for place in alternative:
                if (text := place.first(value, delivery)) is not None:
                    texts.append(text)
                elif not place.optional:
                    break
            else:
                return ".".join(filter(None, texts)) or None
        return None

    def every(self, value: Any, delivery: Delivery) -> list[str]:
        """The texts of a single place that may stand for many."""
        return self.alternatives[0][0].find(value, delivery)[:_MAX_FOUND]


def text_at(value: Any, path: tuple[str, ...]) -> str | None:
    """
    The text at a JSON path without `*`; most ways are from object to object.

    Raises `Malformed` where a key on the way is ambiguous.
    """
    found = value
    for key in path:
        if type(found) is not dict:
            return as_text(next(iter(strict_json.find(value, path)), None))
        found = found.get(key)
        if found is None:
            return None
    if found is strict_json.AMBIGUOUS:
        raise strict_json.ambiguous(path)
    return as_text(found)


@lru_cache
def at(text: str) -> Field:
    """The field that a text names; `ValueError` for one that is not written as above."""
    return Field(tuple(tuple(map(Place.of, part.split("+"))) for part in text.split("|")))


def as_text(value: Any) -> str | None:
    """A text, a whole number or a truth value as text; None for anything else and for an empty text."""
    if type(value) is str:
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else None
