"""The sample deliveries that come with the package: a success and a failure of each provider."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import Any, Literal

from gateway.delivery import Delivery
from gateway.providers.base import Provider
from gateway.providers.sampling import like, unsigned
from gateway.secret import Secret

Kind = Literal["success", "failure"]
KINDS: tuple[Kind, ...] = ("success", "failure")


def load(provider: str, kind: Kind, url: str) -> Delivery:
    """A provider's sample for a URL, as it is in its file and not signed yet."""
    return unsigned(_read(provider, kind), url)


def secret(provider: Provider, identity: str) -> str:
    """
    A secret of the look of those that a provider gives out; another `identity`, any text, gives another.

    It is the one that comes with the samples where the provider takes no other: the parts of an ARN have a
    meaning. So it is for tests, and no gateway that others reach should have it.
    """
    text: str = _read(provider.name, "secrets")[0]
    made = like(text, identity)
    try:
        provider.key(Secret(made))
    except ValueError:
        return text
    return made


@lru_cache(maxsize=8)
def _read(provider: str, name: str) -> Any:
    file = resources.files("gateway.providers") / "samples" / provider / f"{name}.json"
    return json.loads(file.read_text("utf-8"))
