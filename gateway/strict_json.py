"""
Reading JSON as strictly as the strictest reader behind us.

RFC 8259 with what interoperates: UTF-8 without a byte order mark, no NaN or Infinity, no lone
surrogates, integers of at most 4,300 digits (CPython's own bound), depth of at most 128 (a common
default, .NET's System.Text.Json among them, is 64 and Python's recursion ends near 1,000).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import accumulate
from typing import Any

import jiter

from gateway.errors import Malformed

MAX_DEPTH = 128

# Skips JSON white space and finds the end of a value whose bytes jiter has already accepted.
_decoder = json.JSONDecoder()
_WHITE_SPACE = " \t\n\r"
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(set(range(256)) - set(_STEPS))


class Ambiguous:
    """Stands for a value whose key an object holds more than once: who reads it is refused."""


AMBIGUOUS = Ambiguous()


def read(body: bytes) -> Any:
    """
    Parse a JSON text; a key that is repeated in an object has the value `AMBIGUOUS`.

    Raises `Malformed` for anything a strict reader would not take.
    """
    try:
        value = _parse(body)
    except ValueError as error:
        # jiter's messages give a position and the kind of error, never the text around it, except
        # for the name of a duplicate key, which `_parse` has dealt with.
        raise Malformed(f"the body is not JSON: {error}") from None
    # The number of brackets bounds the depth; only a body that has many needs counting. What is left without
    # them is found eight times as fast as `count` counts.
    brackets = 2 * len(body) - len(body.replace(b"[", b"")) - len(body.replace(b"{", b""))
    if brackets > MAX_DEPTH and _depth(body) > MAX_DEPTH:
        raise Malformed(f"the JSON is nested deeper than {MAX_DEPTH} levels")
    return value


def _parse(body: bytes) -> Any:
    # Strings are not cached: they are customers' data and would stay in memory.
    try:
        return jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError as error:
        if "duplicate key" not in str(error):
            raise
    # Whoever has repeated keys somewhere is read again, this time marking them. jiter has to accept
    # the rest of the text as well, so this reads it once more without the check.
    jiter.from_json(body, allow_inf_nan=False, cache_mode="none")
    return json.loads(body.decode(), object_pairs_hook=_mark_repeated)


def _mark_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        result[key] = AMBIGUOUS if key in result else value
    return result


def _depth(body: bytes) -> int:
    """
    How deep the brackets of a JSON text are nested.

    Counted in the text: what stands under a repeated key is in the body and not in the value.
    """
    brackets = _STRING.sub(b"", body).translate(None, _NO_BRACKETS)
    return max(accumulate(_STEPS[bracket] for bracket in brackets), default=0)


def ambiguous(path: tuple[str, ...]) -> Malformed:
    """The refusal of a path with an ambiguous key on its way: our reader and the provider's may differ."""
    return Malformed(f"the key {'.'.join(path)} is there more than once")


def get(value: Any, path: tuple[str, ...]) -> Any:
    """
    The value at a path of object keys; None where there is none.

    Raises `Malformed` where a key on the way is ambiguous.
    """
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
        if value is AMBIGUOUS:
            raise ambiguous(path)
    return value


def find(value: Any, path: tuple[str, ...]) -> list[Any]:
    """
    The values at a path where a number names an item of an array, `*` every value of an array or object,
    and `@` what a text that is JSON itself says.

    Raises `Malformed` where a key on the way is ambiguous.
    """
    found = [value]
    for key in path:
        below: list[Any] = []
        for item in found:
            if isinstance(item, dict):
                below += item.values() if key == "*" else [item[key]] if key in item else []
            elif isinstance(item, list):
                if key == "*":
                    below += item
                elif key.isdecimal() and int(key) < len(item):
                    below.append(item[int(key)])
            elif isinstance(item, str) and key == "@":
                with suppress(Malformed):
                    below.append(read(item.encode(errors="replace")))
        if AMBIGUOUS in below:
            raise ambiguous(path)
        found = below
    return found


def items(value: Any, body: bytes, path: tuple[str, ...]) -> list[tuple[Any, bytes]] | None:
    """
    The items of the arrays at a path, each with its bytes as they stand in the body; None where is no array.

    `*` on the way stands for every item of an array. The value has to be what `read` made of the body.
    Raises `Malformed` where a key on the way is ambiguous.
    """
    text = body.decode()
    arrays = list(_arrays(value, text, _skip(text, 0), path))
    if not arrays:
        return None
    return [
        (item, text[start:end].encode())
        for array, at in arrays
        for item, (start, end) in zip(array, _spans(text, at), strict=True)
    ]


def _arrays(value: Any, text: str, at: int, path: tuple[str, ...]) -> Iterator[tuple[list[Any], int]]:
    """The arrays at a path in the value that starts at a position, with the positions of their own."""
    if not path:
        if isinstance(value, list):
            yield value, at
        return
    key, *rest = path
    if key == "*" and isinstance(value, list):
        for item, (start, _) in zip(value, _spans(text, at), strict=True):
            yield from _arrays(item, text, start, tuple(rest))
    elif isinstance(value, dict) and key in value:
        if value[key] is AMBIGUOUS:
            raise ambiguous((key,))
        yield from _arrays(value[key], text, _value_of(text, at, key), tuple(rest))


def _spans(text: str, at: int) -> Iterator[tuple[int, int]]:
    """Where each item of the array that starts at a position begins and ends."""
    at = _skip(text, at + 1)
    while text[at] != "]":
        _, end = _decoder.raw_decode(text, at)
        yield at, end
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _value_of(text: str, at: int, wanted: str) -> int:
    """The position of the value of a key, which is there, in the object that starts at a position."""
    while True:
        # Past the brace, or the comma.
        key, end = _decoder.raw_decode(text, _skip(text, at + 1))
        at = _skip(text, _skip(text, end) + 1)
        if key == wanted:
            return at
        _, end = _decoder.raw_decode(text, at)
        at = _skip(text, end)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITE_SPACE:
        at += 1
    return at
