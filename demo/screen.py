"""What the demo shows: plain words, at most 80 columns wide, with colours for a terminal only."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

WIDTH = 80
_BOLD, _DIM, _GREEN, _RED = "1", "2", "32", "31"
_ERASE_LINE = "\r\033[K"


class Screen:
    """Writes to a stream; NO_COLOR (https://no-color.org) or TERM=dumb takes the colours away."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._colours = self._terminal and not os.environ.get("NO_COLOR")

    def heading(self, text: str) -> None:
        """A line that begins something."""
        self._write(f"\n{self._coloured(text, _BOLD)}\n")

    def say(self, text: str) -> None:
        """What happened, in a sentence or two."""
        self._write(textwrap.fill(text, WIDTH, initial_indent="    ", subsequent_indent="      ") + "\n")

    def verbatim(self, text: str) -> None:
        """Something to copy: neither wrapped nor indented."""
        self._write(f"{text}\n")

    def verdict(self, good: bool, text: str) -> None:
        """Whether it went as expected."""
        mark = self._coloured("as expected:", _GREEN) if good else self._coloured("NOT as expected:", _RED)
        self._write(f"    {mark} {text}\n")

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """A line that is there while something is waited for, and gone afterwards."""
        if self._terminal:
            self._write(self._coloured(f"    … {what}"[: WIDTH - 1], _DIM))
        try:
            yield
        finally:
            if self._terminal:
                self._write(_ERASE_LINE)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], bad: Sequence[bool]) -> None:
        """Rows under a heading, bad ones in red. The widest column gives way until everything fits."""
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        while sum(widths) + 2 * (len(widths) - 1) > WIDTH:
            widths[widths.index(max(widths))] -= 1
        self._write("\n")
        for row, is_bad in zip([head, *rows], [None, *bad], strict=True):
            line = "  ".join(_fitted(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
            self._write(self._coloured(line, _BOLD if is_bad is None else _RED if is_bad else "") + "\n")

    def _coloured(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colours and code else text

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _fitted(cell: str, width: int) -> str:
    return cell.ljust(width) if len(cell) <= width else cell[: width - 1] + "…"
