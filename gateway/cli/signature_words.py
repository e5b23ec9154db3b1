"""How a provider signs, in words, told from its declaration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.providers.base import Scheme
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.items import ItemScheme
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import (
    Body,
    Field,
    Fixed,
    HashInQuery,
    Header,
    IssuedUrl,
    SortedParams,
)
from gateway.providers.signatures.timestamp import Timestamp


def describe(scheme: Scheme) -> list[str]:
    """Lines that say what is signed, how, and where the signature stands."""
    match scheme:
        case HeaderScheme():
            return list(_header(scheme))
        case ItemScheme():
            fields = scheme.separator.join(f"{{{'.'.join(path)}}}" for path in scheme.fields)
            each = f" of each item of {'.'.join(scheme.items)}" if scheme.items else ""
            return [
                f"{_algorithm(scheme.algorithm)}{each}",
                f"in its field {'.'.join(scheme.signature)}",
                f"over {fields}",
            ]
    # A scheme of another kind says it itself.
    lines = [first_sentence(scheme)]
    if scheme.headers:
        lines.append(f"in the headers {', '.join(sorted(scheme.headers))}")
    return lines


def _header(scheme: HeaderScheme) -> Iterator[str]:
    yield " or ".join(
        f"{_algorithm(algorithm)}{f' ({name})' if name else ''}" for name, algorithm in scheme.algorithms
    )
    yield f"in the header {scheme.header}" + "".join(f" or {name}" for name in scheme.beside)
    texts = ["".join(map(_part, template.parts)) for template in scheme.templates]
    yield "over " + ", or ".join(dict.fromkeys(texts))
    if others := sorted(scheme.headers - {scheme.header, *scheme.beside}):
        yield f"reading {', '.join(others)} as well"
    if scheme.timestamp is not None:
        yield f"with a time that may be {_tolerance(scheme.timestamp)}"
    else:
        yield "without a time: it counts however old it is"


def _algorithm(algorithm: Any) -> str:
    if isinstance(algorithm, Hmac):
        return f"HMAC-{algorithm.hash.upper()} in {algorithm.encoding}"
    return first_sentence(algorithm)


def _part(part: Any) -> str:
    match part:
        case Fixed(text):
            return text
        case Body():
            return "{body}"
        case Header(name):
            return f"{{header {name}}}"
        case Field(name):
            return f"{{{name} of the header}}"
        case IssuedUrl():
            return "{url}"
        case SortedParams():
            return "{the form's names and values, sorted}"
        case HashInQuery(name):
            return f" whose query has {name}, the SHA-256 of the body"
    return f"{{{first_sentence(part)}}}"


def _tolerance(timestamp: Timestamp) -> str:
    if timestamp.past == timestamp.future:
        return f"{timestamp.past} s off"
    return f"{timestamp.past} s old and {timestamp.future} s ahead"


def first_sentence(thing: object) -> str:
    """What a part of a declaration says of itself."""
    text = " ".join((type(thing).__doc__ or type(thing).__name__).split())
    return text.partition(". ")[0].rstrip(".")
