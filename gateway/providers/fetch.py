"""
What a provider's deliveries can't be verified without, and has to be fetched: a certificate, a set of keys.

A declaration says what is needed, as a value; the gateway fetches it and hands it back. Nothing here does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from gateway.errors import Unverified

#: What confirms a subscription of SNS has some 450 characters.
_MAX_URL = 1000


@dataclass(frozen=True, slots=True)
class Fetch:
    """
    An HTTPS request: GET, or POST of a JSON body where there is one (which may hold credentials).

    `keep` is how long the answer counts at most; what the answer itself says may make it shorter.
    """

    url: str = field(repr=False)
    keep: timedelta
    body: bytes | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """The host that is asked."""
        return urlsplit(self.url).hostname or ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """
    Where a provider keeps its certificates and the like: whole patterns of the host and of the path.

    A URL that comes with a delivery is written by whoever sends it, so everything else is refused before
    anything is asked: other hosts, ports, user names, queries, fragments.
    """

    host: str
    path: str
    keep: timedelta = timedelta(days=1)

    def fetch(self, url: str) -> Fetch:
        """The request for a URL; `Unverified` where it leads elsewhere."""
        found = re.fullmatch(rf"https://(?:{self.host})(?:{self.path})", url)
        if found is None or len(url) > _MAX_URL or not url.isascii():
            raise Unverified("the URL that comes along is not one of the provider's")
        return Fetch(url, self.keep)
