"""HTTP by hand: what no client library would send, and answers to the last byte."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it came; `seconds` until its end, or until the other side closed the connection."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def without_ids(self) -> tuple[int, dict[str, str], bytes]:
        """Everything but the request's id and the time of day."""
        own = ("x-request-id", "date")
        return self.status, {k: v for k, v in self.headers.items() if k not in own}, self.body


def exchange(address: str, *parts: bytes, seconds: float = 15.0, hang_up: bool = False) -> Answered:
    """
    Send bytes, part by part, and read one answer. `hang_up` ends our side after the last part.

    The status is 0 where the other side closes without an answer.
    """
    host, _, port = address.rpartition(":")
    begun = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        for part in parts:
            try:
                connection.sendall(part)
            except ConnectionError:
                break  # answered and closed before it had all
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        try:
            return _read(connection, begun, has_body=not parts[0].startswith(b"HEAD "))
        except ConnectionError:
            return Answered(0, {}, b"", time.monotonic() - begun)


def read_all(address: str, request: bytes) -> bytes:
    """Everything that the other side says until it closes the connection."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


def _read(connection: socket.socket, begun: float, has_body: bool) -> Answered:
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            return Answered(0, {}, received, time.monotonic() - begun)
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while has_body and len(body) < int(headers.get("content-length", "0")):
        chunk = connection.recv(65536)
        if not chunk:
            break
        body += chunk
    return Answered(int(first.split(" ")[1]), headers, body, time.monotonic() - begun)


def post(path: str, body: bytes, headers: dict[str, str], host: str = "gateway") -> bytes:
    """The bytes of a POST."""
    fields = {"host": host, "content-length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body


def problem_code(answer: Answered) -> str:
    """The stable code of a problem document; it is checked for its form."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = json.loads(answer.body)
    assert document["type"] == "about:blank"
    assert document["status"] == answer.status
    if answer.status != 404:
        assert document["request_id"] == answer.headers["x-request-id"]
    return str(document["code"])
