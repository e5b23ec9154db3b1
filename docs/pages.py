"""The pages that are made, by the names of their files."""

from __future__ import annotations

from pathlib import Path

from gateway.cli import provider_page
from gateway.providers import CATALOGUE

FOLDER = Path(__file__).parent / "providers"


def pages() -> dict[str, str]:
    """The text of each file in docs/providers/."""
    made = {f"{provider.name}.md": provider_page.page(provider) for provider in CATALOGUE.values()}
    return {"README.md": provider_page.table(), **made}
