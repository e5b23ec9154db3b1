"""How a signature header is taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import Unverified

#: Two secrets while one is rotated, times a version or two: nobody honest sends more.
MAX_CANDIDATES = 16
#: Sixteen Ed25519 signatures in base64 take 1.5 kB.
MAX_HEADER = 4096
_NAME = r"[A-Za-z0-9._:-]+"

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


@dataclass(frozen=True, slots=True)
class Keyed:
    """Signatures, each behind the id of its key and a fixed text: `1/SHA256/aa,2/SHA256/bb`."""

    between: str
    within: str

    def parse(self, text: str) -> Pairs:
        """The signatures, under the name "": which key fits is found without its id."""
        found = Listed(self.between, self.within).parse(text)
        if not all(re.fullmatch(_NAME, name) for name, _ in found):
            raise Unverified("the id of a key is missing, or no plain text")
        return tuple(("", value) for _, value in found)

    def write(self, pairs: Iterable[tuple[str, str]]) -> str:
        """The signatures, their keys numbered."""
        numbered = ((str(number), value) for number, (_, value) in enumerate(pairs, 1))
        return Listed(self.between, self.within).write(numbered)


@dataclass(frozen=True, slots=True)
class Described:
    """
    One signature among names and values that describe it: `sender=shop;signature=aa;algorithm=MD5`.

    `signature` and `algorithm` are the names of those two; `beside` is what else is written.
    """

    between: str
    within: str
    signature: str
    algorithm: str
    beside: Pairs = ()

    def parse(self, text: str) -> Pairs:
        """The signature, under the name of its algorithm."""
        found = Listed(self.between, self.within).parse(text)
        names = [name for name, _ in found]
        if not all(re.fullmatch(_NAME, name) for name in names):
            raise Unverified("the signature header is not a list of names and values")
        if names.count(self.signature) != 1 or names.count(self.algorithm) != 1:
            raise Unverified(f"the signature header needs {self.signature} and {self.algorithm}, each once")
        values = dict(found)
        return ((values[self.algorithm], values[self.signature]),)

    def write(self, pairs: Iterable[tuple[str, str]]) -> str:
        """What is beside it, then the signature and its algorithm."""
        ((name, value),) = pairs
        return Listed(self.between, self.within).write(
            (*self.beside, (self.signature, value), (self.algorithm, name))
        )
