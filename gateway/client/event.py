"""
The event that waiting code receives: a CloudEvents 1.0 envelope around what the provider sent.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

import base64
import json
from typing import Any, Generic, Literal, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from typing_extensions import TypeVar

#: What `data` is read as; anything that JSON can hold where nothing is asked for.
Data = TypeVar("Data", default=Any)


class CallbackEvent(BaseModel, Generic[Data]):
    """
    One event of a provider, verified by the gateway.

    `id`, `type` and `reason` are the provider's words; `time` is RFC 3339 text; `subject` is the callback's
    id. `verified` is "notification" where the provider signs nothing of the content, or as good as nothing:
    ask it what happened (`Stream.result`). `type_verified` is False where the provider's signature does
    not protect the type. `sequence` counts a stream's events from 1. `provider` is "manual" where ops
    completed the callback by hand, and no signature was checked. `data` is bytes where the provider sent
    something other than JSON.
    """

    # An error that quotes its input would put a customer's data into logs and into Restate's journal.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: str
    subject: str
    provider: str
    outcome: Literal["succeeded", "failed", "progress"]
    data: Data
    datacontenttype: str = "application/json"
    reason: str | None = None
    verified: Literal["signature", "notification"] = "signature"
    type_verified: bool = True
    sequence: int | None = None


class ExactFloat(float):
    """
    A JSON number with a fraction, and its digits.

    Pydantic makes a `Decimal` of a float's text, so `Decimal` fields keep every digit that was sent.
    """

    __slots__ = ("_text",)

    def __new__(cls, text: str) -> ExactFloat:
        number = super().__new__(cls, text)
        number._text = text
        return number

    _text: str

    def __str__(self) -> str:
        return self._text


def decode(envelope: bytes, model: type[Data] | None) -> CallbackEvent[Data]:
    """
    Read an envelope, with its data as `model`.

    Raises `ValueError` with a text that names fields and rules and quotes no value.
    """
    try:
        attributes = json.loads(envelope, parse_float=ExactFloat)
        if "data_base64" in attributes:
            attributes["data"] = base64.b64decode(attributes.pop("data_base64"), validate=True)
    except (ValueError, TypeError, RecursionError):
        raise ValueError("it is not an event in JSON") from None
    kind = cast(type[CallbackEvent[Data]], CallbackEvent.__class_getitem__(Any if model is None else model))
    try:
        return kind.model_validate(attributes)
    except ValidationError as error:
        wrong = error
    try:
        # A strict model takes dates, enums and the like from JSON text only.
        return kind.model_validate_json(envelope)
    except ValidationError:
        raise ValueError(_describe(wrong)) from None


def _describe(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems[:5])
