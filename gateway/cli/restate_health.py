"""What is to be said of how Restate answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gateway.cli.findings import Finding, fail, ok, warn
from gateway.clocks import MAX_SKEW, seconds
from gateway.reach import Reached

#: The paths that the gateway calls came with 1.7.
OLDEST = (1, 7, 0)
#: What the gateway is tested with; older ones lack the route that tells how an invocation stands.
TESTED = (1, 7, 12)


def judge(reached: Iterable[Reached], now: float) -> list[Finding]:
    """A finding for each address, and for a clock that is off against `now`."""
    reached, found = list(reached), []
    versioned = any(one.version for one in reached)
    for one in reached:
        found.append(_address(one, versioned))
        found += clock(f"Restate's at {one.url}", seconds(one.date), now)
    return found


def _address(one: Reached, versioned: bool) -> Finding:
    if one.problem:
        if one.setting == "restate.ingress_urls":
            return fail(
                "restate",
                f"{one.setting}: {one.url}: {one.problem}",
                "is Restate running, is this its ingress (port 8080 by default), and no firewall between? "
                "Until then webhooks are kept, and brought later",
            )
        return warn(
            "restate",
            f"{one.setting}: {one.url}: {one.problem}",
            "is this the admin API (port 9070 by default)? Without it targets are not checked, and nobody "
            "knows who still waits",
        )
    if one.version is not None:
        return _version(one.url, one.version)
    if not one.status_route and not versioned:
        return warn(
            "restate",
            f"{one.setting}: {one.url}: it answers, without /restate/status: it is older "
            f"than {_text(TESTED)}, which this gateway is tested with",
            "upgrade Restate; or set restate.admin_url, which tells who still waits too",
        )
    return ok("restate", f"{one.setting}: {one.url} answers")


def _version(url: str, version: str) -> Finding:
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    number = tuple(map(int, found.groups())) if found else (0,)
    if number < OLDEST:
        return fail(
            "restate",
            f"restate.admin_url: {url}: this is Restate {version}; {_text(OLDEST)} or newer is needed",
            "upgrade Restate",
        )
    if number < TESTED:
        return warn(
            "restate",
            f"restate.admin_url: {url}: this is Restate {version}, older than {_text(TESTED)}, which this "
            "gateway is tested with",
            "upgrade Restate",
        )
    return ok("restate", f"restate.admin_url: {url}: Restate {version}")


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def clock(whose: str, theirs: float | None, ours: float) -> Iterator[Finding]:
    """A finding where a clock is off; both in seconds since the epoch."""
    if theirs is None or abs(theirs - ours) <= MAX_SKEW:
        return
    way = "ahead of" if theirs > ours else "behind"
    yield fail(
        "clocks",
        f"{whose} clock is {abs(theirs - ours):.0f} s {way} the gateway's",
        "let all machines keep time by NTP: webhooks whose time is off by minutes are refused as stale",
    )
