"""A provider's https server on loopback, under its own name and a root certificate of the tests'."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.fetcher import Fetcher
from tests.providers.keys import private_pem

#: What is answered to a request: bytes as they are to be sent.
Answering = Callable[[bytes], Awaitable[bytes]]


def answer(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """An HTTP answer; `_` in a header's name stands for `-`."""
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n{''.join(lines)}\r\n"
    return head.encode() + body


@lru_cache
def _root() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Root of the tests")])
    builder = _builder(name, key.public_key()).issuer_name(name)
    return key, builder.add_extension(x509.BasicConstraints(True, None), critical=True).sign(
        key, hashes.SHA256()
    )


def _builder(name: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


def root_pem() -> bytes:
    """The root certificate."""
    return _root()[1].public_bytes(serialization.Encoding.PEM)


def server_tls(host: str, folder: Path) -> ssl.SSLContext:
    """What a server of this name needs, with a certificate of the root's."""
    root_key, root = _root()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    made = _builder(name, key.public_key()).issuer_name(root.subject)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    made = made.add_extension(x509.BasicConstraints(False, None), critical=True)
    leaf = made.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    file = folder / "server.pem"
    file.write_bytes(leaf + private_pem(key).encode())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@dataclass
class Vendor:
    """The server: what it was asked, and what it answers."""

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    answering: Answering | None = None
    #: Where its name leads to.
    addresses: list[str] = field(default_factory=lambda: ["127.0.0.1"])
    asked_for: list[str] = field(default_factory=list)

    def answers(self, data: bytes) -> None:
        """Answer everything with these bytes."""

        async def same(request: bytes) -> bytes:
            return data

        self.answering = same

    async def resolve(self, host: str) -> Sequence[tuple[str, int]]:
        """The addresses of any host: this server's."""
        self.asked_for.append(host)
        return [(address, self.port) for address in self.addresses]

    def fetcher(self, clock: Callable[[], float] | None = None, roots: tuple[bytes, ...] = ()) -> Fetcher:
        """A fetcher for which loopback is the public internet, and the tests' root is trusted."""
        made = Fetcher(self.resolve, lambda address: address == "127.0.0.1", roots or (root_pem(),))
        if clock is not None:
            made.clock = clock
        return made


@asynccontextmanager
async def vendor(host: str, folder: Path) -> AsyncIterator[Vendor]:
    """A server with a certificate for a host."""
    made = Vendor()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            size = next(
                (int(x[15:]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0
            )
            request = head + await reader.readexactly(size)
            made.requests.append(request)
            assert made.answering is not None
            writer.write(await made.answering(request))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_tls(host, folder))
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
