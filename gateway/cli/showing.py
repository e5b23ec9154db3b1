"""How commands print: JSON for programs, tables and times for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import typer

#: Of a column, so that one long text does not push the others off the screen.
_WIDEST = 48


def print_json(value: Any) -> None:
    """A value as indented JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows below their heads; the last column is as long as it is."""
    widths = [min(max(len(row[place]) for row in (head, *rows)), _WIDEST) for place in range(len(head) - 1)]
    for row in (head, *rows):
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)]
        typer.echo("  ".join([*cells, row[-1]]).rstrip())


def moment(text: str) -> str:
    """A time of the API's, to the second, in UTC."""
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S}Z"
