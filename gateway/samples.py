"""The sample deliveries that come with the package: a success and a failure of each provider."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import Any, Literal

from gateway.delivery import Delivery
from gateway.providers.sampling import unsigned

Kind = Literal["success", "failure"]
KINDS: tuple[Kind, ...] = ("success", "failure")


def load(provider: str, kind: Kind, url: str) -> Delivery:
    """A provider's sample for a URL, as it is in its file and not signed yet."""
    return unsigned(_read(provider, kind), url)


@lru_cache(maxsize=8)
def _read(provider: str, kind: Kind) -> dict[str, Any]:
    file = resources.files("gateway.providers") / "samples" / provider / f"{kind}.json"
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found
