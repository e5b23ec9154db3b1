"""Reading JSON as the strictest reader would."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway import strict_json
from gateway.errors import Malformed

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)
white_space = st.text(" \t\n\r", max_size=3)


@given(value=values, ascii_only=st.booleans(), indent=st.none() | st.integers(0, 2))
def test_what_json_writes_is_read(value: Any, ascii_only: bool, indent: int | None) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert strict_json.read(body) == value


@given(body=st.binary(max_size=60) | st.text('{}[]":,0123456789eE+-. tfnull\\u', max_size=40).map(str.encode))
@example(b"")
@example(b"\xef\xbb\xbf{}")
@example(b"[" * 100_000)
@example(b'{"a":1,"a":' + b"[" * 100_000)
@example(b'{"a":' * 50_000)
@example(b'{"\\ud800":1,"\\ud800":2}')
def test_a_text_is_read_or_malformed_and_python_agrees(body: bytes) -> None:
    try:
        value = strict_json.read(body)
    except Malformed:
        return
    # Whatever we take, a reader that is less strict takes as well.
    plain = json.loads(body.decode())
    if b'"' not in body:
        assert value == plain


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"NaN",
            b"[Infinity]",
            b'{"a":-Infinity}',
            b"nan",
            b"[1,]",
            b"{'a':1}",
            b"[01]",
            b"[+1]",
            b"[.5]",
            b"[1.]",
        ),
        *(b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xed\xa0\x80"', b'"\xff"', b'"\x00"', b'"\n"', b'"\\x41"'),
        *(b"{}{}", b"{} x", b"\x00{}", b"{}\x00", b"/* */{}", b'{"a":1 "b":2}', b"{1:2}", b'"'),
        *("{}".encode("utf-16"), "{}".encode("utf-32"), b"\xef\xbb\xbf{}", b"\x0c{}", "\u00a0{}".encode()),
        b"[" + b"9" * 4301 + b"]",
        b'{"a":1,"a":' + b"9" * 4301 + b"}",
        b'{"a":1,"a":NaN}',
        b'{"a":1,"a":"\\ud800"}',
        b'{"\\ud800":1}',
    ],
)
def test_what_strict_readers_refuse_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        strict_json.read(body)


def test_integers_of_4300_digits_are_read() -> None:
    assert strict_json.read(b"9" * 4300) == int("9" * 4300)
    assert strict_json.read(b"-" + b"9" * 4300) == -int("9" * 4300)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_has_a_bound(opening: bytes, closing: bytes) -> None:
    deep = strict_json.MAX_DEPTH
    # An empty array is a level of its own; an object here ends in a number.
    end = b"" if opening == b"[" else b"1"
    strict_json.read(opening * deep + end + closing * deep)
    with pytest.raises(Malformed, match="nested deeper"):
        strict_json.read(opening * (deep + 1) + end + closing * (deep + 1))
    with pytest.raises(Malformed):
        strict_json.read(b'{"a":1,"a":' + opening * (deep + 1) + end + closing * (deep + 1) + b"}")


def test_brackets_in_texts_and_width_are_no_depth() -> None:
    assert strict_json.read(b'"' + b"[" * 500 + b'"') == "[" * 500
    assert len(strict_json.read(b"[" + b",".join([b"[]"] * 500) + b"]")) == 500


@given(
    inside=st.integers(0, 200), beside=st.integers(0, 200), kind=st.sampled_from([("[", "]"), ('{"a":', "}")])
)
def test_the_depth_is_bounded_whatever_stands_beside(inside: int, beside: int, kind: tuple[str, str]) -> None:
    opening, closing = kind
    deep = opening * inside + "1" + closing * inside
    body = f"[{deep}{',[],{}' * beside}]".encode()
    if inside + 1 > strict_json.MAX_DEPTH:
        with pytest.raises(Malformed):
            strict_json.read(body)
    else:
        assert len(strict_json.read(body)) == 1 + 2 * beside


def test_a_repeated_key_is_marked_at_every_level() -> None:
    value = strict_json.read(b'{"a":1,"b":{"c":1,"c":2},"d":[{"e":1,"\\u0065":2}],"a":1}')
    assert value["a"] is strict_json.AMBIGUOUS
    assert value["b"]["c"] is strict_json.AMBIGUOUS
    assert value["d"][0]["e"] is strict_json.AMBIGUOUS
    assert strict_json.get(value, ("b",)) == {"c": strict_json.AMBIGUOUS}
    for path in (("a",), ("b", "c"), ("a", "x")):
        with pytest.raises(Malformed, match="more than once"):
            strict_json.get(value, path)


def test_messages_show_nothing_of_the_body() -> None:
    for body in (
        b'{"secretword":1,"secretword":2,',
        b'{"a":"secretword',
        b"secretword",
        b'{"secretword":NaN}',
        b'{"secretword":1,"secretword":NaN}',
        b'{"secretword":"\\ud800"}',
    ):
        with pytest.raises(Malformed) as caught:
            strict_json.read(body)
        assert "secretword" not in str(caught.value)


@given(
    items=st.lists(values, max_size=6), before=values, spaces=st.lists(white_space, min_size=8, max_size=8)
)
def test_items_come_with_their_bytes_as_they_stand(items: list[Any], before: Any, spaces: list[str]) -> None:
    a, b, c, d, e, f, g, h = spaces
    texts = [json.dumps(item, ensure_ascii=False, indent=1 if len(a) else None) for item in items]
    written = f"{c},{d}".join(texts)
    body = (
        f'{a}{{{b}"first"{c}:{d}{json.dumps(before)},"batch":{{"it\\u0065ms"{e}:{f}[{g}{written}{h}]{a}}}{b}}}{c}'
    ).encode()
    found = strict_json.items(strict_json.read(body), body, ("batch", "items"))
    assert found == [(item, text.encode()) for item, text in zip(items, texts, strict=True)]


def test_items_of_arrays_in_arrays_are_found_where_they_are() -> None:
    body = b'[ {"a":[ 1, 2.0 ]},{"b":[9]} , {"a":{}},3, {"a":[]} ,{"a":["x",[4] ]}]'
    value = strict_json.read(body)
    assert strict_json.items(value, body, ("*", "a")) == [
        (1, b"1"),
        (2.0, b"2.0"),
        ("x", b'"x"'),
        ([4], b"[4]"),
    ]
    assert strict_json.items(value, body, ("*", "a", "*")) == [(4, b"4")]
    assert strict_json.items(value, body, ("*", "c")) is None
    outer = strict_json.items(value, body, ())
    assert outer is not None
    assert [data for _, data in outer][:2] == [b'{"a":[ 1, 2.0 ]}', b'{"b":[9]}']


def test_items_under_a_repeated_key_are_malformed() -> None:
    body = b'{"items":[1],"items":[2]}'
    with pytest.raises(Malformed, match="more than once"):
        strict_json.items(strict_json.read(body), body, ("items",))


@pytest.mark.parametrize(
    "body",
    [b'{"items":{}}', b'{"items":null}', b'{"items":"[]"}', b"{}", b"[]", b'"items"', b'{"a":{"items":[]}}'],
)
def test_where_is_no_array_there_are_no_items(body: bytes) -> None:
    assert strict_json.items(strict_json.read(body), body, ("items",)) is None
