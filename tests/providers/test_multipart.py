"""Forms in parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers import multipart

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
names = st.text("abc_-[]09", min_size=1, max_size=10)
values = st.text(max_size=40).filter(lambda text: BOUNDARY not in text)


def written(pairs: list[tuple[str, str]], more: str = "") -> bytes:
    parts = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'
        for name, value in pairs
    )
    return ("".join(parts) + f"--{BOUNDARY}--\r\n").encode()


@given(pairs=st.lists(st.tuples(names, values), min_size=1, max_size=5))
def test_a_form_is_read_as_it_was_written(pairs: list[tuple[str, str]]) -> None:
    assert multipart.parse(TYPE, written(pairs)) == pairs


@given(body=st.binary(max_size=200), kind=st.text(max_size=40))
def test_whatever_comes_in_only_a_value_error_comes_out(body: bytes, kind: str) -> None:
    for content_type in (TYPE, kind, f"multipart/form-data; boundary={kind}"):
        for content in (body, written([("json", "{}")]) + body, written([])[:20] + body):
            try:
                multipart.parse(content_type, content)
            except ValueError:
                continue


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", written([("json", "{}")])),
        (f"multipart/form-data; boundary={'x' * 71}", written([("json", "{}")])),
        ("multipart/form-data; boundary=other", written([("json", "{}")])),
        (TYPE, b""),
        (TYPE, written([("json", "{}")]).removesuffix(f"--{BOUNDARY}--\r\n".encode())),
        (TYPE, f"--{BOUNDARY}\r\n\r\nno name\r\n--{BOUNDARY}--\r\n".encode()),
        (TYPE, f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="a"\r\n--{BOUNDARY}--'.encode()),
        (TYPE, written([("json", "x")]).replace(b"x\r\n", b"\xff\r\n")),
    ],
)
def test_what_is_no_such_form_is_a_value_error(content_type: str, body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        multipart.parse(content_type, body)


def test_a_quoted_boundary_is_read_and_a_file_is_left_out() -> None:
    body = written([("json", "{}")]).replace(
        f"--{BOUNDARY}--".encode(),
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="pdf"; filename="a.pdf"\r\n'
        f"Content-Type: application/pdf\r\n\r\n\xff\xfe\r\n--{BOUNDARY}--".encode("latin-1"),
    )
    assert multipart.parse(f'multipart/form-data; charset=utf-8; boundary="{BOUNDARY}"', body) == [
        ("json", "{}")
    ]


def test_more_parts_than_anybody_sends_are_refused() -> None:
    with pytest.raises(ValueError, match="last part"):
        multipart.parse(TYPE, written([("a", "b")] * 101))
    assert len(multipart.parse(TYPE, written([("a", "b")] * 99))) == 99
