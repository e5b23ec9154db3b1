"""A probe as it was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sent:
    """
    A request. `path` is behind the public URL's own prefix, and holds `token`; `odd` says that it has
    characters that no URL of the gateway has. `needed` has the sources that need a header, by its name.
    """

    method: str
    path: str = field(repr=False)
    query: str = field(repr=False)
    headers: tuple[tuple[str, str], ...]
    body: bytes = field(repr=False)
    token: str = field(repr=False)
    needed: Mapping[str, Sequence[str]]
    odd: bool = False
