"""The providers' room performs no I/O and reads no clock: its imports show it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import gateway.providers

ROOM = Path(gateway.providers.__file__).parent
OURS = ("gateway.delivery", "gateway.errors", "gateway.outcome", "gateway.secret", "gateway.strict_json")
OTHERS = ("cryptography", "jwt", "pydantic")
#: Of the standard library, what is needed: none of it reaches outside.
PURE = (
    *(
        "__future__",
        "abc",
        "base64",
        "binascii",
        "collections",
        "dataclasses",
        "datetime",
        "functools",
        "hashlib",
    ),
    *("hmac", "itertools", "json", "re", "typing", "unicodedata", "urllib", "xml", "zlib"),
)


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.module == "gateway":
                yield from (f"gateway.{name.name}" for name in node.names)
            else:
                yield node.module or ""


def test_the_room_imports_only_what_is_pure() -> None:
    files = sorted(ROOM.rglob("*.py"))
    assert len(files) > 20
    for file in files:
        for name in imported(file):
            top = name.partition(".")[0]
            allowed = name.startswith("gateway.providers") or name in OURS or top in (*OTHERS, *PURE)
            assert allowed, f"{file.name} imports {name}"
            if top == "pydantic":
                assert file.name == "hmac.py"
            if top == "urllib":
                assert name == "urllib.parse"
