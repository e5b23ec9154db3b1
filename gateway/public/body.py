"""Reading a request's body within bounds of size and time, and its headers as they came."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request

from gateway.delivery import Headers
from gateway.errors import BodyTooLarge, BodyTooSlow, Malformed, UnsupportedContent


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """
    The body, `limit` bytes at most, within `seconds`.

    Raises `BodyTooLarge` before reading past the limit, `BodyTooSlow`, `UnsupportedContent` for a body
    that is compressed (a bomb is not inflated, and no signature is over the inflated bytes), `Malformed`
    where the sender hung up.
    """
    encodings = request.headers.getlist("content-encoding")
    if any(encoding.strip().lower() not in ("", "identity") for encoding in encodings):
        raise UnsupportedContent("Content-Encoding: send the body as it is, without compression")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise BodyTooLarge(f"the body has {declared} bytes, at most {limit} are taken")
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise BodyTooLarge(f"the body is longer than {limit} bytes")
                chunks.append(chunk)
    except TimeoutError:
        raise BodyTooSlow(f"the body was not complete within {seconds:g} seconds") from None
    except ClientDisconnect:
        raise Malformed("the sender hung up before the body was complete") from None
    return b"".join(chunks)


def headers_of(request: Request) -> Headers:
    """The headers as they came."""
    return Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw)
