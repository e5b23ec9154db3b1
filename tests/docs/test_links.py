"""Every link between the documents leads somewhere, and every page is found from the index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.docs import documents
from tests.docs.documents import DOCS, OPERATIONS, README, ROOT, WRITTEN, anchors, name

PAGES = sorted({README, ROOT / "CHANGELOG.md", ROOT / "bench" / "README.md", *DOCS.rglob("*.md")})
RULES = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]


def _links(page: Path) -> Iterator[tuple[Path, str]]:
    """Where the links within the project lead: a file, and what is behind `#`."""
    for target in re.findall(r"\]\(([^)\s]+)\)", documents.prose(page)):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def _leads(place: Path, anchor: str) -> bool:
    return place.exists() and (not anchor or anchor in anchors(place))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    astray = [f"{place}#{anchor}" for place, anchor in _links(page) if not _leads(place, anchor)]
    assert astray == []


def test_a_link_to_nothing_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A key has leaked\n\n[a](#a-key-has-leaked) [b](#other) [c](gone.md)\n")
    assert [_leads(place, anchor) for place, anchor in _links(page)] == [True, False, False]


def test_the_index_has_every_page_and_the_readme_every_page_of_ops() -> None:
    index, readme = ({place for place, _ in _links(page)} for page in (DOCS / "README.md", README))
    assert set(WRITTEN) - {DOCS / "README.md"} <= index
    assert {*OPERATIONS, DOCS / "README.md"} <= readme


@pytest.mark.parametrize("page", OPERATIONS, ids=name)
def test_a_page_of_ops_says_first_when_it_is_needed(page: Path) -> None:
    title, lead = page.read_text().split("\n\n")[:2]
    assert re.fullmatch(r"# [A-Z].*", title)
    assert lead.startswith("You need this page ")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_which_page_tells_more(rule: dict[str, dict[str, str]]) -> None:
    path, _, anchor = rule["annotations"]["documentation"].partition("#")
    assert _leads(ROOT / path, anchor)
