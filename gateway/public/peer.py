"""
Whose request it is: the address of whoever connected, or what a proxy that is trusted says of its own client.

https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/X-Forwarded-For: only what a trusted proxy
appended means anything; everything to the left of it the client may have written itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network

_Address = IPv4Address | IPv6Address
Network = ipaddress.IPv4Network | IPv6Network
#: Whoever has one IPv6 address has all of its /64.
_OF_ONE_HOST = 64


class Peers:
    """Addresses of clients, behind `trusted` proxies or none."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)

    def address(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """
        The client's address as a text to count by: IPv4, or the /64 of an IPv6 address.

        `peer` is whoever connected ("" for a Unix socket's), `headers` have lower-case names.
        """
        if not self._trusted or not self._trusts(nearest := _parse(peer)):
            return _host(peer)
        said = b",".join(value for name, value in headers if name == b"x-forwarded-for")
        for entry in reversed(said.decode("latin-1").split(",")):
            address = _parse(_without_port(entry.strip()))
            if address is None:
                break
            nearest = address
            if not self._trusts(address):
                break
        return _host(str(nearest))

    def _trusts(self, address: _Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


def _without_port(text: str) -> str:
    """The address in `192.0.2.1:4711`, `[2001:db8::1]:4711` and their like."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _parse(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=10_000)
def _host(text: str) -> str:
    address = _parse(text)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), _OF_ONE_HOST), strict=False))
    return str(address) if address is not None else text
