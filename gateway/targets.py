"""
What a callback completes: an awakeable, a workflow's promise, or a handler that takes every event.

The constructors refuse what Restate would misread. An awakeable id is a capability over the whole
invocation: with another index at its end it cancels it or forges another awakeable's value, so only
canonical ids with an index that the SDKs hand out get past here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import Invalid

_AWAKEABLE_PREFIX = "sign_1"
#: base64's alphabet for URLs (RFC 4648, 5); `base64` makes the same at three times the cost.
_FROM_URL, _TO_URL = bytes.maketrans(b"-_", b"+/"), bytes.maketrans(b"+/", b"-_")
#: 28 bytes: 8 of partition key, 16 of the invocation's uuid, 4 of the signal's index. Of the last character
#: four bits belong to no byte, and are 0.
_AWAKEABLE = re.compile(_AWAKEABLE_PREFIX + "[A-Za-z0-9_-]{37}[AQgw]", re.ASCII)
#: Restate keeps the indexes up to 16 for itself (1 cancels the invocation); the first awakeable has 17. The
#: index stands in the last six characters.
_RESERVED_INDEXES = frozenset(
    base64.urlsafe_b64encode(index.to_bytes(4, "big"))[:6].decode() for index in range(17)
)
#: What Restate takes as a service's or a handler's name, and nothing that has a meaning in its paths.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_MAX_KEY_BYTES = 256
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Awakeable:
    """An awakeable by its id, `sign_1` and 38 characters of unpadded base64url."""

    id: str = field(repr=False)

    def __post_init__(self) -> None:
        if not _AWAKEABLE.fullmatch(self.id):
            if self.id.startswith("prom_1"):
                raise Invalid(
                    "target.awakeable: ids that start with prom_1 come from an SDK older than Restate's "
                    "service protocol 5; upgrade the SDK, its awakeable ids start with sign_1"
                )
            raise Invalid("target.awakeable: this is not an awakeable id as Restate's SDKs give it out")
        if self.id[-6:] in _RESERVED_INDEXES:
            raise Invalid("target.awakeable: the id's index is one that Restate keeps for itself")

    @property
    def packed(self) -> bytes:
        """The id's 28 bytes."""
        text = self.id.encode()[len(_AWAKEABLE_PREFIX) :].translate(_FROM_URL)
        return binascii.a2b_base64(text + b"==", strict_mode=True)

    @staticmethod
    def unpack(packed: bytes) -> str:
        """The id whose `packed` form is given."""
        text = binascii.b2a_base64(packed, newline=False).translate(_TO_URL).rstrip(b"=")
        return _AWAKEABLE_PREFIX + text.decode()


@dataclass(frozen=True, slots=True)
class WorkflowPromise:
    """A workflow's named promise, resolved by a shared handler of that workflow."""

    workflow: str
    key: str
    promise: str
    handler: str = "gateway_callback"

    def __post_init__(self) -> None:
        _check_name("target.workflow", self.workflow)
        _check_key("target.key", self.key)
        _check_key("target.promise", self.promise)
        _check_name("target.handler", self.handler)


@dataclass(frozen=True, slots=True)
class Handler:
    """A handler that is sent every event of a stream; `key` is None for a service without keys."""

    service: str
    key: str | None
    handler: str

    def __post_init__(self) -> None:
        _check_name("target.service", self.service)
        if self.key is not None:
            _check_key("target.key", self.key)
        _check_name("target.handler", self.handler)


Target = Awakeable | WorkflowPromise | Handler
_encoder = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def dump(target: Target) -> str:
    """The target as compact JSON text, the same for equal targets: for the ledger and the token."""
    if isinstance(target, Awakeable):
        # Each delivery compares it; an id has nothing to escape.
        return f'{{"awakeable":"{target.id}"}}'
    return _encoder.encode(as_json(target))


def as_json(target: Target) -> dict[str, Any]:
    """The target as the internal API spells it."""
    match target:
        case Awakeable(id):
            return {"awakeable": id}
        case WorkflowPromise(workflow, key, promise, handler):
            return {"workflow": workflow, "key": key, "promise": promise, "handler": handler}
        case Handler(service, None, handler):
            return {"service": service, "handler": handler}
        case Handler(service, key, handler):
            return {"service": service, "key": key, "handler": handler}


def load(text: str) -> Target:
    """The target that `dump` wrote; raises `Invalid` for anything else."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Invalid("target: not a target as the ledger stores it")
    return parse(value)


def parse(value: dict[str, Any]) -> Target:
    """
    The target that a request's JSON object names.

    Raises `Invalid` with what is wrong and what would be right.
    """
    kinds: tuple[tuple[set[str], set[str], type[Target]], ...] = (
        ({"awakeable"}, set(), Awakeable),
        ({"workflow", "key", "promise"}, {"handler"}, WorkflowPromise),
        ({"service", "handler"}, {"key"}, Handler),
    )
    for needed, optional, kind in kinds:
        if needed <= value.keys() <= needed | optional:
            wrong = [name for name, text in value.items() if not isinstance(text, str)]
            if wrong:
                raise Invalid(f"target.{wrong[0]}: a text is needed")
            match kind.__name__:
                case "Awakeable":
                    return Awakeable(value["awakeable"])
                case "WorkflowPromise":
                    return WorkflowPromise(**value)
                case _:
                    return Handler(value["service"], value.get("key"), value["handler"])
    raise Invalid(
        'target: one of {"awakeable"}, {"workflow", "key", "promise", "handler"?} and '
        '{"service", "key"?, "handler"} is needed, not ' + (", ".join(sorted(value)) or "an empty object")
    )


def _check_name(where: str, name: str) -> None:
    if not _NAME.fullmatch(name) or name == "restate":
        raise Invalid(
            f"{where}: a name of at most 64 letters, digits, '_', '.' and '-' that starts with a letter "
            "is needed"
        )


def _check_key(where: str, key: str) -> None:
    if not key or key in (".", "..") or _CONTROLS.search(key):
        raise Invalid(f"{where}: a text is needed, not empty, '.' or '..', and without control characters")
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise Invalid(f"{where}: the text holds half of a surrogate pair, which is no character") from None
    if size > _MAX_KEY_BYTES:
        raise Invalid(f"{where}: {size} bytes are too long, at most {_MAX_KEY_BYTES} are taken")
