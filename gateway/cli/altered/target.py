"""What a proxy has done to a request's path and query."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from gateway.cli.altered.sent import Sent
from gateway.cli.findings import Finding, fail, warn
from gateway.probes import PATH, Arrived

#: What passes a request's target on as it came.
UNCHANGED = (
    "nginx: proxy_pass http://gateway:8000; without a path behind the port, and no rewrite; "
    "Caddy: reverse_proxy without rewrite, uri or handle_path; "
    "Traefik: no AddPrefix, StripPrefix or ReplacePath middleware"
)


def path(sent: Sent, arrived: Arrived) -> Iterator[Finding]:
    """A failure for a path of the gateway's own form, a warning for one with odd characters."""
    what = path_change(sent.path, arrived.path)
    if what is None:
        return
    before, after = (text.replace(sent.token, "…") for text in (sent.path, arrived.path))
    text = f"the proxy {what}: {before} arrives as {after}"
    if sent.odd:
        yield warn("path", f"{text}; the gateway's own URLs have no such characters", UNCHANGED)
    else:
        yield fail("path", text, UNCHANGED)


def path_change(sent: str, arrived: str) -> str | None:
    """What was done to a path, in words; None where nothing was."""
    if sent == arrived:
        return None
    if arrived.endswith(sent):
        return f"adds the path prefix {arrived.removesuffix(sent)}"
    if sent.endswith(arrived):
        return f"takes {sent.removesuffix(arrived)} off the path"
    if sent.removeprefix(PATH) in arrived and PATH not in arrived:
        return f"replaces {PATH} in the path"
    if sent.lower() == arrived.lower():
        return "changes the case of letters in the path"
    if sent.rstrip("/") == arrived.rstrip("/"):
        return f"{'adds a' if arrived.endswith('/') else 'takes the'} slash at the path's end"
    if _merged(sent) == arrived:
        return "merges slashes in the path"
    if unquote_to_bytes(sent) == unquote_to_bytes(arrived):
        fewer = arrived.count("%") < sent.count("%")
        return "decodes what is percent-encoded in the path" if fewer else "percent-encodes the path anew"
    if _merged(_decoded(sent)) == _merged(_decoded(arrived)):
        return "merges slashes and decodes what is percent-encoded in the path"
    return "changes the path"


def _merged(text: str) -> str:
    return re.sub("/{2,}", "/", text)


def _decoded(text: str) -> str:
    return unquote_to_bytes(text).decode("latin-1")


def query(sent: Sent, arrived: Arrived) -> Iterator[Finding]:
    """A failure: some providers sign their URL with its query."""
    if arrived.query == sent.query:
        return
    before, after = sent.query.split("&"), arrived.query.split("&")
    if not arrived.query:
        what = "drops the query"
    elif sorted(before) == sorted(after):
        what = "puts the query's parameters in another order"
    elif sorted(map(_value, before)) == sorted(map(_value, after)):
        what = "encodes the query anew"
    else:
        what = "changes the query"
    yield fail("query", f"the proxy {what}; no signature fits that covers the URL", UNCHANGED)


def _value(parameter: str) -> bytes:
    return unquote_to_bytes(parameter.replace("+", "%20"))
