"""The text that names where a value stands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import strict_json
from gateway.delivery import Delivery, Headers
from gateway.errors import Malformed
from gateway.providers import CATALOGUE
from gateway.providers.base import Provider
from gateway.providers.fields import as_text, at, text_at
from gateway.providers.reader import FieldReader

VALUE = {
    "type": "done",
    "data": {
        "id": 7,
        "ok": True,
        "empty": "",
        "none": None,
        "pi": 3.14,
        "list": [{"v": "a"}, {"v": "b"}, {"w": "c"}],
    },
}
DELIVERY = Delivery("POST", "https://h.example/", Headers([("X-Event", "push"), ("X-Empty", "")]), b"", 0.0)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("type", "done"),
        ("json:type", "done"),
        ("data.id", "7"),
        ("data.ok", "true"),
        ("data.list.1.v", "b"),
        ("data.list.9.v", None),
        ("data.list.-1.v", None),
        ("data.list.v", None),
        ("data.empty", None),
        ("data.none", None),
        ("data.pi", None),
        ("data", None),
        ("nowhere.at.all", None),
        ("header:x-event", "push"),
        ("header:X-Event", "push"),
        ("header:x-empty", None),
        ("header:x-absent", None),
        ("text:event", "event"),
        ("header:x-event+type", "push.done"),
        ("header:x-event+nowhere", None),
        ("header:x-event+nowhere?", "push"),
        ("header:x-event+nowhere?+data.id?", "push.7"),
        ("nowhere?", None),
        ("nowhere|type", "done"),
        ("type+nowhere|text:other", "other"),
        ("type=done", "done"),
        ("type=done+data.id=7|text:other", "done.7"),
        ("type=done+data.id=8|text:other", "other"),
        ("header:x-event=push+data.ok=true", "push.true"),
        ("header:x-event=pull", None),
        ("data.list.*.v=b", "b"),
        ("type+data.id=8?", "done"),
    ],
)
def test_a_field_is_read(field: str, expected: str | None) -> None:
    assert at(field).read(VALUE, DELIVERY) == expected


def test_a_star_stands_for_every_item() -> None:
    assert at("data.list.*.v").every(VALUE, DELIVERY) == ["a", "b"]
    assert at("data.*").every(VALUE, DELIVERY) == ["7", "true"]
    assert len(at("*").every(["x"] * 100, DELIVERY)) == 16


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "|",
        "a+",
        "a|",
        "a b",
        ".a",
        "a.",
        "cookie:x",
        "header:",
        "a=",
        "=a",
        "header:a=",
        "header:a b",
        "text:",
    ],
)
def test_what_is_no_field_is_explained(text: str) -> None:
    with pytest.raises(ValueError, match="is no place"):
        at(text)


def test_a_key_that_is_there_twice_is_refused_only_where_it_is_read() -> None:
    value = strict_json.read(b'{"type":"done","id":"a","id":"b","list":[{"v":1,"v":2}]}')
    assert at("type").read(value, DELIVERY) == "done"
    for field in ("id", "list.0.v", "list.*.v", "*"):
        with pytest.raises(Malformed):
            at(field).every(value, DELIVERY)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", max_size=2), inner),
)


@given(
    value=json_values, path=st.lists(st.sampled_from(["a", "b", "ab", "0", "1", "*"]), min_size=1, max_size=4)
)
def test_any_value_can_be_searched(value: Any, path: list[str]) -> None:
    value = strict_json.read(json.dumps(value).encode("utf-8")) if _clean(value) else value
    for text in at(".".join(path)).every(value, DELIVERY):
        assert text


@given(
    value=json_values, path=st.lists(st.sampled_from(["a", "b", "ab", "0", "1", "@"]), min_size=1, max_size=4)
)
def test_a_way_without_a_star_ends_where_a_search_ends(value: Any, path: list[str]) -> None:
    found = [text for one in strict_json.find(value, tuple(path)) if (text := as_text(one))]
    field = at(".".join(path))
    assert len(found) < 2
    assert field.path == tuple(path)
    assert field.every(value, DELIVERY) == found
    assert text_at(value, field.path) == (found[0] if found else None)
    assert field.read(value, DELIVERY) == (found[0] if found else None)
    assert at(f"{field}=a|text:none").read(value, DELIVERY) == ("a" if found == ["a"] else "none")


def _clean(value: Any) -> bool:
    return json.dumps(value).find("\\ud") < 0


@pytest.mark.parametrize("provider", CATALOGUE.values(), ids=lambda provider: provider.name)
def test_a_field_is_written_as_it_is_read(provider: Provider) -> None:
    reader = provider.reader
    assert isinstance(reader, FieldReader)
    for field in (reader.type, reader.id, reader.time, reader.reason, *reader.references, *reader.objects):
        if field is not None:
            assert at(str(field)) == field
