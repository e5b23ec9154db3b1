"""How a signature header is taken apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import Unverified

#: Two secrets while one is rotated, times a version or two: nobody honest sends more.
MAX_CANDIDATES = 16
#: Sixteen Ed25519 signatures in base64 take 1.5 kB.
MAX_HEADER = 4096

#: Names and values in the order they came; a value with no name has the name "".
Pairs = tuple[tuple[str, str], ...]


class Grammar(Protocol):
    """A way to write names and values into one header."""

    def parse(self, text: str) -> Pairs:
        """The names and values; `Unverified` where the text is not of this grammar."""
        ...

    def write(self, pairs: Iterable[tuple[str, str]]) -> str:
        """The header with these names and values."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """One signature, behind a fixed text such as `sha256=`."""

    prefix: str = ""

    def parse(self, text: str) -> Pairs:
        """The one value, under the name ""."""
        if not text.startswith(self.prefix):
            raise Unverified(f"the signature does not begin with {self.prefix}")
        return (("", text.removeprefix(self.prefix)),)

    def write(self, pairs: Iterable[tuple[str, str]]) -> str:
        """The prefix and the one value."""
        ((_, value),) = pairs
        return self.prefix + value


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of names and values: `t=1,v1=aa,v1=bb` has `between` "," and `within` "="."""

    between: str
    within: str

    def parse(self, text: str) -> Pairs:
        """The names and values in order, names repeated where they are."""
        pairs = []
        for item in text.split(self.between):
            name, found, value = item.partition(self.within)
            if not found:
                raise Unverified("the signature header is not a list of names and values")
            pairs.append((name, value))
        return tuple(pairs)

    def write(self, pairs: Iterable[tuple[str, str]]) -> str:
        """The names and values as a list."""
        return self.between.join(f"{name}{self.within}{value}" for name, value in pairs)
