"""What came in over the wire, and what a provider says in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gateway.errors import Unverified


class Headers:
    """
    HTTP header fields: names in lower case, values decoded as ISO 8859-1, repeats kept in order.

    Reading one is strict: a header that is there twice is ambiguous, and whoever chooses one of two
    signatures has already lost.
    """

    __slots__ = ("_fields", "_last")

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._set([(name.lower(), value) for name, value in fields])

    @classmethod
    def of_wire(cls, fields: Iterable[tuple[bytes, bytes]]) -> Headers:
        """The headers as they came, with names that are in lower case already."""
        headers = cls.__new__(cls)
        headers._set([(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields])
        return headers

    def _set(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields
        # Each is asked for several times on the way of a delivery. Of what is repeated it has the last value.
        self._last = dict(fields)

    def one(self, name: str) -> str | None:
        """The value of a header that may be there at most once; `Unverified` where it is repeated."""
        value = self._last.get(name)
        if value is None:
            name = name.lower()
            value = self._last.get(name)
        if value is not None and len(self._last) != len(self._fields) and len(found := self.every(name)) > 1:
            raise Unverified(f"the header {name} is there {len(found)} times")
        return value

    def every(self, name: str) -> list[str]:
        """All values of a header, in their order."""
        name = name.lower()
        if name not in self._last:
            return []
        if len(self._last) == len(self._fields):
            return [self._last[name]]
        return [value for key, value in self._fields if key == name]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._last

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def only(self, names: frozenset[str]) -> list[tuple[str, str]]:
        """The headers named, in lower case: what a stored delivery keeps."""
        return [pair for pair in self._fields if pair[0] in names]

    def with_(self, **values: str) -> Headers:
        """A copy with headers set; `_` in a name stands for `-`."""
        new = {name.replace("_", "-").lower(): value for name, value in values.items()}
        return Headers([*((k, v) for k, v in self._fields if k not in new), *new.items()])

    def __repr__(self) -> str:
        # Names only: a header's value may be a signature.
        return f"<Headers {' '.join(name for name, _ in self._fields)}>"


@dataclass(slots=True)
class Delivery:
    """
    One HTTP request that came in.

    `url` is the URL that was issued or registered, built from configuration, plus the query string
    that came in; never rebuilt from a Host header. `received_at` is seconds since the epoch.
    """

    method: str
    url: str = field(repr=False)
    headers: Headers
    body: bytes = field(repr=False)
    received_at: float

    @property
    def media_type(self) -> str:
        """The media type of the body, in lower case without parameters; "" where none is given."""
        return (self.headers.one("content-type") or "").partition(";")[0].strip().lower()


@dataclass(slots=True)
class Event:
    """
    One thing that a verified delivery says.

    `id` is None where the provider sends none that identifies the event. `data` is the event's own
    bytes exactly as they came (for an item of a batch: its slice of the body; for a form: an object of
    its fields), `json` tells whether they are a JSON text that a strict reader takes. `digest` is the
    SHA-256 of what the signature covers of this event, timestamps left out; None where nothing is
    covered; `digests_data` where that is `data` itself. `references` are texts from covered fields that
    may hold our reference, `objects` the ids of the provider's objects that it speaks of and that an
    alias can name. `reason` says why something failed, for people.
    """

    id: str | None
    type: str
    data: bytes = field(repr=False)
    json: bool
    media_type: str = "application/json"
    time: str | None = None
    digest: bytes | None = None
    id_covered: bool = True
    type_covered: bool = True
    references: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    reason: str | None = None
    digests_data: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer to a provider."""

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Challenge:
    """
    A handshake that is answered at once and completes nothing.

    `visit` is the URL that confirms it, for a provider that has to be visited: done before the answer,
    where the source says so. It is one that the provider's declaration allows.
    """

    answer: Answer
    visit: str | None = field(default=None, repr=False)
