"""What a proxy has done to a request's headers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.cli.altered.body import REWRITING
from gateway.cli.altered.sent import Sent
from gateway.cli.findings import Finding, fail, warn
from gateway.probes import Arrived

#: What a client or a proxy says for itself; no signature is read from it.
_OWN = re.compile(
    r"host|connection|keep-alive|te|trailer|transfer-encoding|content-length|accept|accept-encoding|user-agent"
    r"|date|expect|via|forwarded|x-forwarded(-.*)?|x-real-ip|x-client-ip|x-original-.*|x-request-id|x-scheme"
    r"|x-correlation-id|x-envoy-.*|x-b3-.*|b3|traceparent|tracestate|baggage|x-amzn?-.*|cf-.*|cdn-loop"
    r"|true-client-ip|x-cloud-trace-context|x-azure-.*|x-appgw-.*|fastly-.*|x-varnish|x-datadog-.*|max-forwards"
    r"|early-data|priority"
)
#: A header of this length is cut or dropped for its size, where shorter ones are not.
_LONG = 1000


def headers(sent: Sent, arrived: Arrived) -> Iterator[Finding]:
    """What of the sent headers is not there as it was, and what was added."""
    came: dict[str, list[str]] = {}
    for name, value in arrived.headers:
        came.setdefault(name.lower(), []).append(value)
    gave: dict[str, list[str]] = {}
    for name, value in sent.headers:
        gave.setdefault(name, []).append(value)
    for name, values in gave.items():
        if came.get(name) != values:
            yield _altered(sent, name, values, came.get(name, []))
    yield from _added(sent, [name for name in came if name not in gave and not _OWN.fullmatch(name)])


def _altered(sent: Sent, name: str, gave: list[str], came: list[str]) -> Finding:
    needed = sent.needed.get(name, [])
    whom = f"; {', '.join(needed)} cannot be verified" if needed else ""
    if not came:
        return _dropped(name, gave, whom)
    if len(gave) > len(came) == 1:
        return warn(
            "headers",
            f"the proxy merges the repeated header {name} into one",
            "nothing depends on it: a signature that is there twice is refused either way",
        )
    if len(came) > len(gave):
        return fail(
            "headers",
            f"the proxy sends the header {name} {len(came)} times{whom}",
            "let the proxy set it not at all: a signature that is there twice is refused",
        )
    if gave[0].startswith(came[0]):
        return fail(
            "headers",
            f"the proxy cuts the header {name} after {len(came[0])} of {len(gave[0])} bytes{whom}",
            "raise the proxy's limit of a header's size",
        )
    return fail("headers", f"the proxy changes the value of the header {name}{whom}", _forward(name))


def _dropped(name: str, gave: list[str], whom: str) -> Finding:
    if not whom and "_" in name:
        return warn(
            "headers",
            f"the proxy drops the header {name}, as every one with a _ in its name it seems",
            "nginx: underscores_in_headers on; only for a provider that sends such a header",
        )
    if not whom and gave == [""]:
        return warn(
            "headers", f"the proxy drops the header {name}, which is empty", "no provider needs an empty one"
        )
    if len(gave[0]) > _LONG:
        return fail(
            "headers",
            f"the proxy drops the header {name} of {len(gave[0])} bytes{whom}",
            "raise the proxy's limit of a header's size (nginx: large_client_header_buffers 4 16k;)",
        )
    return fail("headers", f"the proxy drops the header {name}{whom}", _forward(name))


def _forward(name: str) -> str:
    return (
        f"forward all headers as they came, not a list of known ones; nginx: no proxy_set_header {name}; "
        f"Caddy: no header_up {name}; Traefik: no customRequestHeaders for it"
    )


def _added(sent: Sent, names: list[str]) -> Iterator[Finding]:
    for name in sorted(names):
        if name == "content-encoding":
            yield fail("body", "the proxy adds content-encoding: it compresses the body", REWRITING)
        elif name in sent.needed:
            yield fail(
                "headers",
                f"the proxy adds the header {name}, from which {', '.join(sent.needed[name])} is verified",
                "let the proxy set it not at all",
            )
        else:
            yield warn(
                "headers",
                f"the proxy adds the header {name}",
                "nothing depends on it; take it out if you do not need it",
            )
