"""XML as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed
from gateway.providers import xml


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ("<a/>", {"a": ""}),
        ("<a>text</a>", {"a": "text"}),
        ("<?xml version='1.0' encoding='UTF-8'?><a>ü &amp; &lt;b&gt;</a>", {"a": "ü & <b>"}),
        ("\n <a>\n <b>1</b>\n <c/></a>", {"a": {"b": "1", "c": ""}}),
        ("<a><b nil='true'/></a>", {"a": {"b": None}}),
        ("<a type='array'><b>1</b><b><c>2</c></b></a>", {"a": ["1", {"c": "2"}]}),
        ("<a type='array'/>", {"a": []}),
        ("<a><b>1</b><b>2</b></a>", {"a": {"b": ["1", "2"]}}),
        ("<a><![CDATA[<b>]]></a>", {"a": "<b>"}),
        ("<a x='1'><!-- no --><?no no?>2</a>", {"a": "2"}),
        ("<a>" * 127 + "</a>" * 127, None),
    ],
)
def test_a_document_is_read(document: str, value: dict[str, Any] | None) -> None:
    found = xml.read(document.encode())
    assert value is None or found == value


@pytest.mark.parametrize(
    "document",
    [
        *("", " ", "text", "<a>", "<a></b>", "<a/><b/>", "<a>\x00</a>", "<a>&nbsp;</a>", "<a><a", "{}"),
        "<a>" * 200 + "</a>" * 200,
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
    ],
)
def test_what_is_no_xml_or_wants_more_is_malformed(document: str) -> None:
    with pytest.raises(Malformed):
        xml.read(document.encode())


@given(document=st.binary(max_size=80) | st.text("<>/ab=' &;![]?-", max_size=60).map(str.encode))
def test_nothing_else_comes_out(document: bytes) -> None:
    try:
        value = xml.read(document)
    except Malformed:
        return
    assert json.loads(json.dumps(value)) == value
