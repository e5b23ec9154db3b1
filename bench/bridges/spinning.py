"""
A process between that does nothing but spin: `python -m bench.bridges.spinning ADDRESS INGRESS MICROSECONDS`.

It passes a POST on and answers, on the gateway's own connections to Restate, and uses up so many microseconds
of CPU for each beside: which share of the straight way is left to a gateway that costs as much.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import cast

import httptools
import uvloop

from gateway.ingress import Ingress

_PATIENCE = 10.0


class _Connection(asyncio.Protocol):
    def __init__(self, ingress: Ingress, seconds: float) -> None:
        self._ingress = ingress
        self._seconds = seconds
        self._parser = httptools.HttpRequestParser(self)
        self._path, self._body = b"", b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self._task = asyncio.create_task(self._pass_on(self._path.decode(), self._body))
        self._path, self._body = b"", b""

    async def _pass_on(self, path: str, body: bytes) -> None:
        until = time.thread_time() + self._seconds
        while time.thread_time() < until:
            pass
        status = 202
        if body:
            json = {"content-type": "application/json"}
            status = await self._ingress.post(path, json, body, _PATIENCE)
        self._transport.write(
            b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % (b"200 OK" if status == 202 else b"502 ")
        )


async def main() -> None:
    """Serve until killed."""
    address, ingress_url, microseconds = sys.argv[1:]
    host, _, port = address.partition(":")
    ingress, seconds = Ingress(ingress_url, _PATIENCE), float(microseconds) / 1e6
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(ingress, seconds), host, int(port)
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
