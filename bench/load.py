"""
The load: `python -m bench.load REQUESTS HOST PORT CONCURRENCY`.

REQUESTS holds whole HTTP/1.1 requests, each after its length in four bytes. Each of CONCURRENCY connections
sends one, waits for the whole answer, and takes the next; what is measured is written to stdout as JSON. It
only counts bytes, so that it is not what limits.
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import uvloop

#: What can't be taken durably now a provider sends again; its time goes on.
_TRY_LATER = 503
#: A run ends then, whatever is missing.
_LONGEST_SECONDS = 120.0


class _Connection(asyncio.Protocol):
    def __init__(self, load: Load) -> None:
        self._load = load
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        status = int(head[9:12])
        self._load.statuses[status] += 1
        self._answer = b""
        if status == _TRY_LATER:
            self._transport.write(self._request)
            return
        self._load.seconds.append(time.perf_counter() - self._sent)
        self.go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._load.ended(self)

    def go_on(self) -> None:
        """Send the next request, or close."""
        request = next(self._load.requests, None)
        if request is None:
            self._transport.close()
            return
        self._request = request
        self._sent = time.perf_counter()
        self._transport.write(request)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


class Load:
    """One run, begun at `started_at`; `seconds` are the latencies, `statuses` the answers by status."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self.requests = requests
        self.seconds: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.started_at = 0.0
        self._open = 0
        self._done = asyncio.Event()

    async def run(self, host: str, port: int, concurrency: int) -> float:
        """Send everything; the seconds that it took, with all connections open before."""
        loop = asyncio.get_running_loop()
        self._open = concurrency
        async with asyncio.timeout(_LONGEST_SECONDS):
            connections = []
            for _ in range(concurrency):
                _, connection = await loop.create_connection(lambda: _Connection(self), host, port)
                connections.append(connection)
            self.started_at = time.time()
            started = time.perf_counter()
            for connection in connections:
                connection.go_on()
            await self._done.wait()
        return time.perf_counter() - started

    def ended(self, connection: _Connection) -> None:
        """A connection has nothing left to do."""
        self._open -= 1
        if not self._open:
            self._done.set()


def write(file: Path, requests: list[bytes]) -> None:
    """Write requests as `python -m bench.load` reads them."""
    file.write_bytes(b"".join(struct.pack(">I", len(request)) + request for request in requests))


def _read(file: Path) -> Iterator[bytes]:
    data, place = file.read_bytes(), 0
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        yield data[place + 4 : place + 4 + length]
        place += 4 + length


def main() -> None:
    """Run the load that the command line names."""
    file, host, port, concurrency = sys.argv[1:]
    load = Load(iter(list(_read(Path(file)))))
    cpu = time.process_time()
    wall = uvloop.run(load.run(host, int(port), int(concurrency)))
    json.dump(
        {
            "started_at": load.started_at,
            "wall": wall,
            "cpu": time.process_time() - cpu,
            "statuses": load.statuses,
            "seconds": load.seconds,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
