"""Reading a request's headers from a file, as curl, a browser or a log has them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from gateway.delivery import Headers

_FORMS = (
    'a line "Name: value" each (as curl -D writes them), or JSON: an object of names and values, or a list '
    'of {"name": …, "value": …} as in a HAR file'
)
#: `POST /c/… HTTP/1.1` and `HTTP/1.1 200 OK`.
_START = re.compile(r"[A-Z]+ \S+ HTTP/\S+|HTTP/\S+ \d{3}.*")
#: `> Name: value` of curl -v, `-H 'Name: value'` of a command.
_AROUND = re.compile(r"(?:> |-H )?(['\"]?)(.*)\1(?: \\)?")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def parse(text: str) -> Headers:
    """The headers of a file's text; `ValueError`, without their values in it, for what is none."""
    text = text.removeprefix("\ufeff").strip()
    pairs = list(_json(text) if text.startswith(("{", "[")) else _lines(text))
    for name, _ in pairs:
        if not _NAME.fullmatch(name):
            raise ValueError(f"a header's name is missing or none; headers are {_FORMS}")
    if not pairs:
        raise ValueError(f"there are no headers in it; they are {_FORMS}")
    return Headers(pairs)


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip("> \r") or _START.fullmatch(line.strip().removeprefix("> ")):
            continue
        found = _AROUND.fullmatch(line.strip())
        name, colon, value = (found[2] if found else line).partition(":")
        if not colon:
            raise ValueError(f"line {number} has no colon; headers are {_FORMS}")
        yield name.strip(), value.strip()


def _json(text: str) -> Iterator[tuple[str, str]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"it begins as JSON and is none; headers are {_FORMS}") from None
    if isinstance(found, dict) and isinstance(found.get("headers"), list | dict):
        found = found["headers"]
    if isinstance(found, dict):
        for name, value in found.items():
            for one in value if isinstance(value, list) else [value]:
                yield name, _text(one)
        return
    for item in found:
        if isinstance(item, dict):
            yield _text(item.get("name")), _text(item.get("value"))
        elif isinstance(item, list) and len(item) == 2:
            yield _text(item[0]), _text(item[1])
        else:
            raise ValueError(f"an item of the list is no header; headers are {_FORMS}")


def _text(value: Any) -> str:
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"a name or a value is no text; headers are {_FORMS}")
