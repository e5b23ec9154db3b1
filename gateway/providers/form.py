"""HTML forms as they are sent, in UTF-8."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from gateway.delivery import Delivery
from gateway.providers import multipart

MEDIA_TYPE = "application/x-www-form-urlencoded"
#: Twilio's longest has some 50. Each costs about a microsecond.
_MAX_FIELDS = 1000


def parse(body: bytes) -> list[tuple[str, str]]:
    """The names and values in order; `ValueError` for what is not a form in UTF-8."""
    return parse_qsl(
        body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
    )


def read(delivery: Delivery) -> list[tuple[str, str]] | None:
    """The names and values of a delivery that is a form of either kind; None for one that is no form."""
    if delivery.media_type == MEDIA_TYPE:
        return parse(delivery.body)
    if delivery.media_type == multipart.MEDIA_TYPE:
        return multipart.parse(delivery.headers.one("content-type") or "", delivery.body)
    return None


def with_value(delivery: Delivery, name: str, value: str) -> Delivery:
    """The delivery with another value of a field that its form has once."""
    pairs = dict(read(delivery) or ())
    if delivery.media_type == MEDIA_TYPE:
        body = urlencode({**pairs, name: value}).encode()
    else:
        body = delivery.body.replace(pairs[name].encode(), value.encode(), 1)
    return replace(delivery, body=body)


def collect(pairs: list[tuple[str, str]]) -> dict[str, str | list[str]]:
    """The fields as an object: a text for each name, an array of texts for a name that is repeated."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def as_json(fields: dict[str, str | list[str]]) -> bytes:
    """The fields as JSON text in UTF-8."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
