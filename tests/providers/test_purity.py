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


def at_once(tree: ast.Module) -> Iterator[ast.stmt]:
    """What runs when a file is imported; not what is there for mypy alone."""
    for node in tree.body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node


def test_a_library_is_loaded_where_it_is_used_and_not_before() -> None:
    for file in sorted(ROOM.rglob("*.py")):
        for node in at_once(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            assert not {name.partition(".")[0] for name in names} & {"cryptography", "jwt"}, file.name


def test_the_room_asks_no_clock_and_opens_no_file() -> None:
    for file in sorted(ROOM.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("utcnow", "today", "read_text", "read_bytes"), file.name
                assert not (node.attr == "now" and isinstance(node.value, ast.Name)), file.name
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("open", "input", "eval", "exec", "__import__"), file.name
