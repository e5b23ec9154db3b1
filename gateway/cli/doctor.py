"""`gateway doctor`: whether a running gateway is reached as it has to be."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

from gateway.cli import AsJson, ConfigFile, outside
from gateway.cli.altered import compare
from gateway.cli.api import InternalApi, Url
from gateway.cli.findings import Finding, fail, ok, show, warn
from gateway.cli.probing import Answered, Prober
from gateway.cli.restate_health import clock, judge
from gateway.clocks import seconds
from gateway.reach import Reached

#: What is looked at in a probe, and what is said where nothing was altered.
_UNALTERED = {
    "method": "the method arrives as it was sent",
    "path": "paths arrive as they were sent",
    "query": "the query arrives as it was sent",
    "headers": "headers arrive as they were sent",
    "body": "bodies arrive as they were sent, byte for byte",
}
_SMALLEST = 1024


def doctor(config: ConfigFile = None, url: Url = None, as_json: AsJson = False) -> None:
    """
    Find what stands between providers and a running gateway: proxy, TLS, clocks, Restate.

    Sends probes through public_url, which change nothing. GATEWAY_TOKEN or GATEWAY_TOKEN_FILE has an ops
    client's token. Exit code 1 where webhooks would be lost, refused or forged.

    Example: gateway doctor --config gateway.toml
    """
    api = InternalApi.of(url, config)
    show(_examine(api), as_json)


def _examine(api: InternalApi) -> list[Finding]:
    before = time.time()
    probe: dict[str, Any] = api.post("/v1/doctor/probe", {})
    # How far the gateway's clock is ahead of this machine's: it was read between question and answer.
    ahead = probe["now"] - (before + time.time()) / 2
    public_url: str = probe["public_url"]
    found = [*outside.plain_http(public_url)]
    with Prober(api, probe) as prober:
        altered, first = _unaltered(prober)
        found += altered
        if first.arrived is not None:
            found += _whole(prober, probe["body_limit"], any(_is(one, "body", "fail") for one in altered))
            found.append(_cached(prober))
    found += outside.certificate(public_url, time.time())
    found += outside.through_the_proxy(public_url)
    parts = urlsplit(public_url)
    own = parts.port or {"https": 443}.get(parts.scheme, 80)
    private = {what: port for what, port in probe["private_ports"].items() if port != own}
    found += outside.at_ports(parts.hostname or "", private)
    now = time.time() + ahead
    found += judge([Reached(**one) for one in api.get("/v1/doctor/restate")], now)
    found += clock("this machine's", now - ahead, now)
    found += clock("the proxy's", seconds(first.date), first.at + ahead)
    if not any(one.check == "clocks" for one in found):
        found.append(ok("clocks", "gateway, proxy, Restate and this machine agree on the time"))
    return found


def _is(finding: Finding, check: str, level: str) -> bool:
    return (finding.check, finding.level) == (check, level)


def _unaltered(prober: Prober) -> tuple[list[Finding], Answered]:
    """What happens to a webhook of the common form, and to an odd path."""
    sent = prober.plain()
    answered = prober.send(sent)
    if answered.arrived is None:
        assert answered.obstacle is not None
        return [answered.obstacle], answered
    found = compare(sent, answered.arrived)
    if not any(one.check == "path" for one in found):
        odd = prober.odd()
        came = prober.send(odd)
        if came.arrived is not None:
            found += [one for one in compare(odd, came.arrived) if one.check == "path"]
        else:
            text = (
                f"a legal path with unusual characters does not come through ({came.status or 'no answer'})"
            )
            found.append(warn("path", text, "nothing to do: the gateway's own URLs have no such characters"))
    altered = {one.check for one in found}
    unaltered = [ok(check, text) for check, text in _UNALTERED.items() if check not in altered]
    return [ok("public_url", "it leads to this gateway"), *found, *unaltered], answered


def _whole(prober: Prober, limit: int, rewritten: bool) -> list[Finding]:
    """Whether a body as large as the gateway takes comes through; what is wrong with small ones is known."""
    size, status = limit, 0
    while (answered := prober.send(sent := prober.large(size))).arrived is None and size > _SMALLEST:
        status, size = status or answered.status, size // 4
    found = []
    if answered.arrived is not None and not rewritten:
        found += [one for one in compare(sent, answered.arrived) if one.check == "body"]
    if size == limit and answered.arrived is not None:
        return [*found, ok("size", f"a body of {limit} bytes comes through")]
    smaller = f"; one of {size} bytes does" if answered.arrived is not None else ""
    found.append(
        fail(
            "size",
            f"a body of {limit} bytes (limits.body) does not come through ({status or 'no answer'}){smaller}",
            f"nginx: client_max_body_size {-(-limit // 1_000_000)}m; Caddy: a larger request_body max_size; "
            "Traefik: a larger maxRequestBodyBytes; AWS: an ALB in front of a Lambda takes 1 MB at most",
        )
    )
    return found


def _cached(prober: Prober) -> Finding:
    """Whether the answer to a GET is given again to the next one."""
    sent = prober.got()
    first, second = (prober.send(sent) for _ in range(2))
    if first.arrived is None or second.arrived is None:
        return warn(
            "cache",
            f"GET does not come through ({first.status or 'no answer'}, {second.status or 'no answer'})",
            "approval links are opened with GET: pass it on for /a/",
        )
    if first.arrived.arrival == second.arrived.arrival:
        return fail(
            "cache",
            "the proxy caches answers to GET that say no-store: people would see an approval as it was once",
            "nginx: proxy_cache off; a CDN: a rule that bypasses its cache for this host",
        )
    return ok("cache", "answers to GET are not cached")
