"""
A reverse proxy that alters what it passes on as it is told: what nginx, a WAF or an API gateway may do.

It runs in a thread of its own. One request a connection: it is there to be wrong, not fast.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from stack.ports import free_ports

Fields = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """A request on its way."""

    method: str
    target: str
    headers: Fields
    body: bytes

    def without(self, *names: str) -> Self:
        """The same without some headers."""
        return replace(self, headers=[(k, v) for k, v in self.headers if k.lower() not in names])

    def with_body(self, body: bytes) -> Self:
        """The same with another body."""
        return replace(self, body=body)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer on its way back."""

    status: int
    headers: Fields
    body: bytes = b""


#: What becomes of a request: another one that goes on, or an answer of the proxy's own.
Alter = Callable[[Request], Request | Response]
#: What becomes of the gateway's answer to a request.
AlterBack = Callable[[Request, Response], Response]


class AlteringProxy:
    """
    Passes what comes to a loopback port of its own on to `target`, `host:port`.

    `alter` is asked for each request, `back` for each answer; both pass everything on as it is at first.
    """

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.target = ""
        self.clear()
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def clear(self) -> None:
        """Pass everything on as it is."""
        self.alter: Alter = lambda request: request
        self.back: AlterBack = lambda request, response: response

    def start(self) -> None:
        """Start to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def pass_on(self, request: Request) -> Response:
        """What the target answers to a request."""
        host, _, port = self.target.rpartition(":")
        kept = request.without("connection", "content-length", "transfer-encoding")
        length = str(len(request.body))
        fields = [
            *kept.headers,
            ("x-forwarded-for", "192.0.2.7"),
            ("content-length", length),
            ("connection", "close"),
        ]
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(f"{request.method} {request.target} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
            connection.sendall(request.body)
            with connection.makefile("rb") as answer:
                return _read_response(answer.read())


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    proxy: AlteringProxy


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Pass one request on and its answer back."""
        first = self.rfile.readline().decode("latin-1").split()
        if len(first) != 3:
            return  # somebody only looked whether anyone is there
        headers: Fields = []
        while (line := self.rfile.readline().decode("latin-1").rstrip("\r\n")) != "":
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        length = int({k.lower(): v for k, v in headers}.get("content-length", "0"))
        request = Request(first[0], first[1], headers, self.rfile.read(length))
        proxy = self.server.proxy
        altered = proxy.alter(request)
        response = proxy.back(request, proxy.pass_on(altered)) if isinstance(altered, Request) else altered
        fields = [(k, v) for k, v in response.headers if k.lower() not in ("connection", "content-length")]
        fields += [("content-length", str(len(response.body))), ("connection", "close")]
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        self.wfile.write(f"HTTP/1.1 {response.status} X\r\n{head}\r\n".encode("latin-1") + response.body)


def _read_response(raw: bytes) -> Response:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Response(int(first.split()[1]), headers, body)
