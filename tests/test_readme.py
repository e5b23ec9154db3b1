"""The README says what is there, how many providers and what each dependency is for, and is short."""

from __future__ import annotations

import re
import tomllib

from gateway.providers import CATALOGUE
from tests.docs import documents
from tests.docs.documents import ROOT

README = documents.README.read_text()


def test_it_counts_the_providers_and_names_the_most_used() -> None:
    assert f"[{len(CATALOGUE)} providers](docs/providers/README.md)" in README
    named = dict(re.findall(r"\[([^\]]+)\]\(docs/providers/([a-z0-9-]+)\.md\)", README))
    assert len(named) > 20
    for title, name in named.items():
        assert CATALOGUE[name].title.startswith(title) or title == f"`{name}`"


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["server"]]
    listed = README[README.index("## Dependencies") :]
    for requirement in declared:
        name = re.match(r"[a-z0-9-]+", requirement)
        assert name is not None
        assert re.search(rf"(?<![a-z-]){name[0]}(?![a-z-])", listed), f"README, Dependencies: {name[0]}"


def test_it_is_read_to_the_end() -> None:
    # What is longer goes to a page of docs/.
    assert len(README.splitlines()) <= 300
