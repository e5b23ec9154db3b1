"""XML as JSON: what a provider that writes XML says, for readers and handlers that know JSON."""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from gateway.errors import Malformed

#: As in JSON, see `gateway.strict_json`.
_MAX_DEPTH = 128


class _Element:
    """An element while it is read."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[_Element] = []
        self.text: list[str] = []

    def value(self) -> Any:
        if self.attributes.get("nil") == "true":
            return None
        if self.attributes.get("type") in ("array", "collection"):
            return [child.value() for child in self.children]
        if not self.children:
            return "".join(self.text)
        values: dict[str, list[Any]] = {}
        for child in self.children:
            values.setdefault(child.name, []).append(child.value())
        return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def read(document: bytes) -> dict[str, Any]:
    """
    The document as an object: an element with children is an object of them, any other its text.

    `type="array"` is an array of the children, `nil="true"` null; other attributes are left out, as is the
    text between elements. Raises `Malformed` for what is not XML, has a document type (nothing honest
    needs one, and it can grow without end), or is nested deeper than 128 levels.
    """
    root = _Element("", {})
    open_elements = [root]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) > _MAX_DEPTH:
            raise Malformed(f"the XML is nested deeper than {_MAX_DEPTH} levels")
        element = _Element(name, attributes)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(name: str) -> None:
        open_elements.pop()

    def doctype(*_: object) -> None:
        raise Malformed("the XML has a document type")

    parser = expat.ParserCreate("UTF-8")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = lambda text: open_elements[-1].text.append(text)
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(document, True)
    except (expat.ExpatError, ValueError):
        raise Malformed("the payload is not XML in UTF-8") from None
    value = root.value()
    assert isinstance(value, dict)
    return value
