"""The README says what is there: how many providers, every setting, and configuration that loads."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway import settings, sources
from gateway.providers import CATALOGUE
from gateway.providers.hmac import HmacSettings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
_PARTS: dict[str, type[BaseModel]] = {"clients": settings.Client, "sources": settings.Source}


def _setting_names() -> list[str]:
    names = []
    for name, field in settings.Settings.model_fields.items():
        if name in _PARTS:
            names += [f"{name}.*.{inner}" for inner in _PARTS[name].model_fields if inner != "hmac"]
        elif isinstance(field.default, BaseModel):
            names += [f"{name}.{inner}" for inner in type(field.default).model_fields]
        else:
            names.append(name)
    return names + [f"sources.*.hmac.{inner}" for inner in HmacSettings.model_fields]


def _rows(beginning: str) -> dict[str, list[str]]:
    """The rows of the README's tables whose first cell is code, by that cell."""
    table = README[README.index(beginning) :].split("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()[2:]]
    return {row[0].strip(" `|"): row for row in cells}


def test_every_setting_has_a_row_and_every_row_a_setting() -> None:
    assert sorted(_rows("| setting | default |")) == sorted(_setting_names())


def test_it_counts_the_providers_and_names_the_most_used() -> None:
    assert f"[{len(CATALOGUE)} providers](docs/providers/README.md)" in README
    named = dict(re.findall(r"\[([^\]]+)\]\(docs/providers/([a-z0-9-]+)\.md\)", README))
    assert len(named) > 20
    for title, name in named.items():
        assert CATALOGUE[name].title.startswith(title) or title == f"`{name}`"


def test_the_configuration_shown_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    whole = "\n".join(sorted(blocks, key=lambda block: "public_url" not in block))
    tomllib.loads(whole)
    file = tmp_path / "gateway.toml"
    file.write_text(whole)
    loaded = settings.load(file, {})
    assert set(sources.load(loaded, {}).by_name) == {"stripe-eu", "stripe-us", "idcheck"}


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["server"]]
    listed = README[README.index("## Dependencies") :]
    for requirement in declared:
        name = re.match(r"[a-z0-9-]+", requirement)
        assert name is not None
        assert re.search(rf"(?<![a-z-]){name[0]}(?![a-z-])", listed), f"README, Dependencies: {name[0]}"


def test_every_link_into_the_project_leads_somewhere() -> None:
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        if "://" not in target:
            assert (ROOT / target).exists(), target
