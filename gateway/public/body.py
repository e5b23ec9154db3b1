"""Reading a request's body within bounds of size and time, and its headers as they came."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope

from gateway.delivery import Headers
from gateway.errors import BodyTooLarge, BodyTooSlow, Malformed, UnsupportedContent


def headers_of(scope: Scope) -> Headers:
    """The headers as they came."""
    return Headers.of_wire(scope["headers"])


async def read_body(headers: Headers, receive: Receive, limit: int, seconds: float) -> bytes:
    """
    The body, `limit` bytes at most, within `seconds`.

    Raises `BodyTooLarge` before reading past the limit, `BodyTooSlow`, `UnsupportedContent` for a body
    that is compressed (a bomb is not inflated, and no signature is over the inflated bytes), `Malformed`
    where the sender hung up.
    """
    if any(
        encoding.strip().lower() not in ("", "identity") for encoding in headers.every("content-encoding")
    ):
        raise UnsupportedContent("Content-Encoding: send the body as it is, without compression")
    for declared in headers.every("content-length"):
        if declared.isdigit() and int(declared) > limit:
            raise BodyTooLarge(f"the body has {declared} bytes, at most {limit} are taken")
    # As asyncio.timeout does, without what makes that cost as much as reading a body that is there already.
    task, late = asyncio.current_task(), False
    assert task is not None

    def too_slow() -> None:
        nonlocal late
        late = task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, too_slow)
    try:
        return await _read(receive, limit)
    except asyncio.CancelledError:
        if late and task.uncancel() == 0:
            raise BodyTooSlow(f"the body was not complete within {seconds:g} seconds") from None
        raise
    finally:
        timer.cancel()


async def _read(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Malformed("the sender hung up before the body was complete")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(f"the body is longer than {limit} bytes")
        chunks.append(chunk)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
