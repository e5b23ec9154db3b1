"""Changing texts of a delivery that is not signed yet, wherever they stand."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from gateway.delivery import Delivery, Headers
from gateway.providers import form
from gateway.providers.reader import FieldReader

Change = Callable[[str], str]


def rewritten(delivery: Delivery, reader: FieldReader, change: Change) -> Delivery:
    """The delivery with each of its texts changed; whole numbers are changed by their digits."""
    url, mark, query = delivery.url.partition("?")
    pairs = [(name, change(value)) for name, value in parse_qsl(query, True)]
    if pairs != parse_qsl(query, True):
        url, mark, query = url, "?", urlencode(pairs)
    headers = Headers((name, change(value)) for name, value in delivery.headers)
    delivery = replace(delivery, url=url + mark + query, headers=headers)
    return _with_body(delivery, reader, lambda value: _walked(value, change))


def place(delivery: Delivery, reader: FieldReader, path: str, new: Any, *, header: bool = False) -> Delivery:
    """
    The delivery with a value at a path of its JSON (of its form, of the JSON in it), or in a header.

    Of a text, a whole number or a truth value is made where one was and the text can be read so. `ValueError`
    where the path leads through something that is neither object nor array.
    """
    if header:
        return replace(delivery, headers=delivery.headers.with_(**{path: str(new)}))
    done = False

    def change(value: Any) -> Any:
        nonlocal done
        # Of a form's texts only those that hold an object.
        if isinstance(value, str):
            return value
        done = True
        return _put(value, path.split("."), new)

    pairs = form.read(delivery)
    if pairs is not None and path in dict(pairs):
        return form.with_value(delivery, path, str(new))
    changed = _with_body(delivery, reader, change)
    if not done:
        raise ValueError(f"there is no JSON in the body to put {path} in")
    return changed


def _put(value: Any, path: list[str], new: Any) -> Any:
    key, *rest = path
    if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
        value[int(key)] = _put(value[int(key)], rest, new) if rest else _typed(value[int(key)], new)
    elif isinstance(value, dict):
        value[key] = _put(value.get(key, {}), rest, new) if rest else _typed(value.get(key), new)
    else:
        raise ValueError(f"{'.'.join(path)}: what it would stand in is no object, and no array as long")
    return value


def _typed(old: Any, new: Any) -> Any:
    """A text as what was there before: a truth value, a number, or a text. Any other value as it is."""
    if not isinstance(new, str):
        return new
    if isinstance(old, bool) and new in ("true", "false"):
        return new == "true"
    if isinstance(old, int | float) and re.fullmatch(r"-?\d{1,18}", new):
        return int(new)
    return new


def _with_body(delivery: Delivery, reader: FieldReader, change: Callable[[Any], Any]) -> Delivery:
    pairs = form.read(delivery)
    if pairs is None:
        if delivery.body.startswith((b"{", b"[")):
            return replace(delivery, body=_dumped(change(json.loads(delivery.body))).encode())
        return delivery
    for name, value in pairs:
        if name == reader.payload and reader.payload_form == "XML in base64":
            new = _xml(value, change)
        elif value.startswith(("{", "[")):
            new = _dumped(change(json.loads(value)))
        else:
            new = change(value)
        if new != value:
            delivery = form.with_value(delivery, name, new)
    return delivery


def _walked(value: Any, change: Change) -> Any:
    if isinstance(value, dict):
        return {key: _walked(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_walked(item, change) for item in value]
    if isinstance(value, str):
        if value.startswith(("{", "[")):
            try:
                return _dumped(_walked(json.loads(value), change))
            except ValueError:
                return change(value)
        return change(value)
    if isinstance(value, int) and not isinstance(value, bool) and (text := change(str(value))).isdecimal():
        return int(text)
    return value


def _xml(payload: str, change: Callable[[Any], Any]) -> str:
    text = base64.b64decode(payload).decode()
    changed = re.sub(r"(?<=>)[^<>\s][^<>]*(?=</)", lambda found: change(found[0]), text)
    return base64.encodebytes(changed.encode()).decode()


def _dumped(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
