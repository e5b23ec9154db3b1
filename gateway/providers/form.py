"""HTML forms as they are sent: `application/x-www-form-urlencoded`, in UTF-8."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

MEDIA_TYPE = "application/x-www-form-urlencoded"
#: Twilio's longest has some 50. Each costs about a microsecond.
_MAX_FIELDS = 1000


def parse(body: bytes) -> list[tuple[str, str]]:
    """The names and values in order; `ValueError` for what is not a form in UTF-8."""
    return parse_qsl(
        body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
    )


def collect(pairs: list[tuple[str, str]]) -> dict[str, str | list[str]]:
    """The fields as an object: a text for each name, an array of texts for a name that is repeated."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def as_json(fields: dict[str, str | list[str]]) -> bytes:
    """The fields as JSON text in UTF-8."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
