"""What a stranger reaches at the host of the public URL, and its certificate."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import httpx

from gateway.cli.findings import Finding, fail, ok, warn

_TIMEOUT = httpx.Timeout(5, connect=2)
#: Authorities renew with a third of 90 days left.
_RENEW_DAYS = 14
_LAST_DAYS = 3
#: What gives each away: a path, and what its JSON answer has.
_SIGNS = {
    "Restate's ingress": ("/restate/health", "services"),
    "Restate's admin API": ("/version", "min_admin_api_version"),
    "the internal listener": ("/readyz", "reasons"),
}
_ONLY_OURS = "let the proxy pass on nothing but /c/, /s/ and /a/"
_PRIVATE = {
    "Restate's ingress": "it has no authentication: whoever reaches it calls every handler. Bind it to a "
    f"private address (RESTATE_INGRESS__BIND_ADDRESS), and {_ONLY_OURS}",
    "Restate's admin API": "it has no authentication: whoever reaches it deletes everything. Bind it to a "
    f"private address (RESTATE_ADMIN__BIND_ADDRESS), and {_ONLY_OURS}",
    "the internal listener": "it is for services and ops: set listen.internal to a private address, and "
    f"{_ONLY_OURS}",
}


def plain_http(public_url: str) -> Iterator[Finding]:
    """A finding for an address without TLS that is not on this machine."""
    parts = urlsplit(public_url)
    if parts.scheme == "https" or _is_local(parts.hostname or ""):
        return
    yield fail(
        "public_url",
        f"{public_url}: without TLS everybody on the way reads tokens and customers' data",
        "https:// and a proxy that ends TLS; most providers take no other",
    )


def through_the_proxy(public_url: str) -> list[Finding]:
    """Whether the proxy passes on what is private."""
    parts = urlsplit(public_url)
    root = f"{parts.scheme}://{parts.netloc}"
    bases = dict.fromkeys((public_url, root))
    found = [
        fail("private", f"{what} answers at {base}{_SIGNS[what][0]}", _PRIVATE[what])
        for base in bases
        for what in _SIGNS
        if _gives_away(base, what)
    ]
    return found or [ok("private", f"{root} passes neither Restate nor the internal listener on")]


def at_ports(host: str, ports: Mapping[str, int]) -> list[Finding]:
    """Whether what is private answers at the public host's ports."""
    if _is_local(host):
        return [ok("private", f"{host} is this machine: who else reaches its ports cannot be told from here")]
    named = ", ".join(str(port) for port in ports.values())
    return answering(host, ports) or [
        ok("private", f"{host}: the ports {named} give nothing away, seen from here")
    ]


def answering(host: str, ports: Mapping[str, int]) -> list[Finding]:
    """A finding for each of what is private that answers at its port."""
    name = f"[{host}]" if ":" in host else host
    return [
        fail("private", f"{which} answers at {base}, seen from here", _PRIVATE[what])
        for which, port in ports.items()
        # "the internal listener (worker 2)" is one as well.
        for what in (which.partition(" (")[0],)
        for base in (f"http://{name}:{port}", f"https://{name}:{port}")
        if _gives_away(base, what)
    ]


def certificate(public_url: str, now: float) -> Iterator[Finding]:
    """How long the certificate is good for; nothing where there is none or it is not trusted."""
    parts = urlsplit(public_url)
    if parts.scheme != "https" or parts.hostname is None:
        return
    try:
        with (
            socket.create_connection((parts.hostname, parts.port or 443), timeout=5) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname) as wrapped,
        ):
            until = (wrapped.getpeercert() or {}).get("notAfter")
    except OSError:
        return  # a probe says so in more words
    if not isinstance(until, str):
        return
    days = (ssl.cert_time_to_seconds(until) - now) / 86400
    text = f"the certificate is good for {days:.0f} more days"
    remedy = "renew it, and see why that has not happened by itself"
    if days < _LAST_DAYS:
        yield fail("tls", text, remedy)
    elif days < _RENEW_DAYS:
        yield warn("tls", text, remedy)
    else:
        yield ok("tls", text)


def _gives_away(base: str, what: str) -> bool:
    path, key = _SIGNS[what]
    try:
        # Whose certificate it is does not matter to what answers there.
        with httpx.Client(trust_env=False, timeout=_TIMEOUT, verify=False) as client:  # noqa: S501
            document = client.get(base + path).json()
    except (httpx.HTTPError, ValueError):
        return False
    return isinstance(document, dict) and key in document


def _is_local(host: str) -> bool:
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return False
    return all(ipaddress.ip_address(address[4][0]).is_loopback for address in found)
