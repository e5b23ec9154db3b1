"""Reading a request's body within bounds of size and time, and its headers as they came."""

from __future__ import annotations

from gateway.delivery import Headers
from gateway.errors import BodyTooLarge, UnsupportedContent
from gateway.http.request import Request
from gateway.public.room import Place


def headers_of(request: Request) -> Headers:
    """The headers as they came."""
    return Headers.of_wire(request.headers)


async def read_body(request: Request, headers: Headers, place: Place, limit: int, seconds: float) -> bytes:
    """
    The body, `limit` bytes at most, within `seconds`; it has its place for as long as the request is at work.

    Raises `BodyTooLarge` before reading past the limit, `BodyTooSlow`, `UnsupportedContent` for a body
    that is compressed (a bomb is not inflated, and no signature is over the inflated bytes), `Malformed`
    where the sender hung up, `TryLater` where there is no room for it.
    """
    for encodings in headers.every("content-encoding"):
        if encodings.strip().lower() not in ("", "identity"):
            raise UnsupportedContent("Content-Encoding: send the body as it is, without compression")
    for declared in headers.every("content-length"):
        if declared.isdigit() and int(declared) > limit:
            raise BodyTooLarge(f"the body has {declared} bytes, at most {limit} are taken")
    return await request.read(limit, seconds, place.grow)
