"""
Why a signature does not fit: what would have to be otherwise for it to fit.

Each guess is a change that proxies, frameworks and people make, undone; what fits then is what happened.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from gateway.delivery import Delivery
from gateway.providers.base import Provider
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import IssuedUrl
from gateway.secret import Secret
from gateway.sending.spoiling import verifies

#: As keys of an API begin at many providers.
_API_KEY = re.compile(rb"(sk|pk|rk|api|key|live|test)[_-]|Bearer ", re.IGNORECASE)
_BOM = b"\xef\xbb\xbf"


def guesses(provider: Provider, delivery: Delivery, secrets: Sequence[Secret], now: float) -> list[str]:
    """What may have happened, the certain before the possible; never with a secret or a signature in it."""
    keys = [provider.key(secret) for secret in secrets]
    certain = [
        *(
            text
            for text, body in _bodies(delivery.body)
            if verifies(provider, replace(delivery, body=body), keys, now)
        ),
        *(
            text
            for text, url in _urls(delivery.url)
            if verifies(provider, replace(delivery, url=url), keys, now)
        ),
        *_of_secrets(provider, delivery, secrets, now),
    ]
    return list(dict.fromkeys(certain)) or list(_possible(provider, delivery, secrets))


def _bodies(body: bytes) -> Iterator[tuple[str, bytes]]:
    for text, changed in (
        ("a line feed was put behind the body", body.removesuffix(b"\n")),
        ("a line end was put behind the body", body.removesuffix(b"\r\n")),
        ("white space around the body was added", body.strip()),
        ("the line feed at the body's end was cut off", body + b"\n"),
        ("the line end at the body's end was cut off", body + b"\r\n"),
        ("the body's line ends were made LF, from CR LF", body.replace(b"\n", b"\r\n")),
        ("the body's line ends were made CR LF, from LF", body.replace(b"\r\n", b"\n")),
        ("a byte order mark was put before the body", body.removeprefix(_BOM)),
    ):
        if changed != body:
            yield text, changed
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    for dumped in _spellings(value):
        if dumped != body:
            yield "the body was read as JSON and written anew: the same values in other bytes", dumped


def _spellings(value: Any) -> Iterator[bytes]:
    """The usual ways to write a JSON value."""
    for ascii_only in (False, True):
        for indent in (None, 2, 4):
            separators = ((",", ":"), (", ", ": ")) if indent is None else ((",", ": "),)
            for one in separators:
                text = json.dumps(value, ensure_ascii=ascii_only, indent=indent, separators=one)
                for spelled in (text, text.replace("/", "\\/")):
                    yield spelled.encode(errors="replace")
                    yield spelled.encode(errors="replace") + b"\n"


def _urls(url: str) -> Iterator[tuple[str, str]]:
    path, mark, query = url.partition("?")
    other = {"https": "http", "http": "https"}.get(url.partition(":")[0])
    if other:
        yield f"the URL that was signed has {other} as its scheme", other + url[url.index(":") :]
    turned = path.removesuffix("/") if path.endswith("/") else path + "/"
    yield "the URL that was signed differs by a slash at its path's end", turned + mark + query
    if query:
        yield "the URL that was signed has no query", path
    yield "the URL that was signed has no port", re.sub(r"^(https?://[^/:?]+):\d+", r"\1", url)


def _of_secrets(
    provider: Provider, delivery: Delivery, secrets: Sequence[Secret], now: float
) -> Iterator[str]:
    changes: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
        ("the secret has quotation marks around it that do not belong to it", lambda s: s.strip(b"'\"")),
        ("the secret has white space in it that does not belong to it", lambda s: b"".join(s.split())),
        ("the secret has a line feed behind it where it was signed", lambda s: s + b"\n"),
        ("the secret was cut at the beginning: its prefix is missing", lambda s: b"whsec_" + s),
        ("the secret has a prefix that does not belong to it", lambda s: s.partition(b"_")[2] or s),
    )
    for text, change in changes:
        for secret in secrets:
            changed = Secret(change(secret.reveal()))
            try:
                key = provider.key(changed)
            except ValueError:
                continue
            if changed != secret and verifies(provider, delivery, [key], now):
                yield text


def _possible(provider: Provider, delivery: Delivery, secrets: Sequence[Secret]) -> Iterator[str]:
    if any(_API_KEY.match(secret.reveal()) for secret in secrets) and not _takes_text_as_key(provider):
        yield "the secret looks like a key of the API; the webhook's own signing secret is needed"
    yield "the secret is another one: of another endpoint, of test or live mode, or from before a rotation"
    yield "the body is not the one that came, byte for byte"
    if _signs_url(provider):
        yield "the URL is not the one that was registered, letter for letter"
    if not delivery.body:
        yield "the body is empty"


def _takes_text_as_key(provider: Provider) -> bool:
    """Whether the declaration itself names a prefix, which the secret then has."""
    scheme = provider.scheme
    return isinstance(scheme, HeaderScheme) and any(
        isinstance(algorithm, Hmac) and algorithm.key_form.prefix_needed for _, algorithm in scheme.algorithms
    )


def _signs_url(provider: Provider) -> bool:
    scheme = provider.scheme
    return isinstance(scheme, HeaderScheme) and any(
        isinstance(part, IssuedUrl) for template in scheme.templates for part in template.parts
    )
