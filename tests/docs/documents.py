"""The documents of the project, and what the tests read in them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
OPERATIONS = sorted((DOCS / "operations").glob("*.md"))
#: Those that a person has written: without the providers' pages, which are made.
WRITTEN = [README, *sorted(page for page in DOCS.rglob("*.md") if page.parent.name != "providers")]


def name(page: Path) -> str:
    """Its path in the project."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, also those in a list."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", page.read_text(), re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    """The text without its fenced blocks."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def rows(page: Path, beginning: str) -> dict[str, list[str]]:
    """The rows of the table that begins so, by their first cells, which are code."""
    text = page.read_text()
    table = text[text.index(beginning) :].split("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]
    return {row[0].strip(" `|"): row for row in cells}


def anchors(page: Path) -> set[str]:
    """What a link may name behind `#`: the headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
