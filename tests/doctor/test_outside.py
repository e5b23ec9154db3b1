"""What a stranger reaches at the public host, and its certificate."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.cli import outside
from gateway.cli.api import InternalApi
from gateway.cli.probing import Prober
from gateway.secret import Secret
from stack.ports import free_ports
from tests.doctor.conftest import Clinic, healthy
from tests.gateway.ingress import FakeIngress


@pytest.fixture
def restate() -> Iterator[FakeIngress]:
    """A Restate, as ingress and as admin API."""
    server = FakeIngress()
    server.react = healthy
    server.start()
    yield server
    server.stop()


def test_a_private_port_that_answers_is_found_by_what_it_says(restate: FakeIngress, clinic: Clinic) -> None:
    internal = clinic.gateway.anonymous.base_url.port
    public = int(clinic.gateway.address.rpartition(":")[2])
    assert internal is not None
    ports = {
        "Restate's ingress": restate.port,
        "Restate's admin API": restate.port,
        "the internal listener": internal,
        "the internal listener (worker 2)": internal,
    }
    texts = [one.text for one in outside.answering("127.0.0.1", ports)]
    assert texts == [
        f"{what} answers at http://127.0.0.1:{port}, seen from here" for what, port in ports.items()
    ]
    (nobody,) = free_ports(1)
    assert outside.answering("127.0.0.1", dict.fromkeys(ports, public)) == []
    assert outside.answering("127.0.0.1", dict.fromkeys(ports, nobody)) == []


def test_of_this_machine_s_own_ports_nothing_is_said() -> None:
    (one,) = outside.at_ports("localhost", {"Restate's ingress": 1})
    assert (one.level, "is this machine" in one.text) == ("ok", True)


@pytest.mark.parametrize(
    ("url", "levels"),
    [
        ("http://192.0.2.1", ["fail"]),
        ("https://192.0.2.1", []),
        ("http://127.0.0.1:8000", []),
        ("http://localhost", []),
    ],
)
def test_without_tls_only_this_machine_is_reached(url: str, levels: list[str]) -> None:
    assert [one.level for one in outside.plain_http(url)] == levels


class TestTls:
    """A server with a certificate of a day's length, which this machine is told to trust, or not."""

    @pytest.fixture
    def url(self, tmp_path: Path) -> Iterator[str]:
        """Its address."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=60))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256())
        )
        pem = tmp_path / "server.pem"
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        server.server_close()
        thread.join()

    @pytest.mark.parametrize(("days", "level"), [(0, "ok"), (45, "ok"), (50, "warn"), (58, "fail")])
    def test_a_certificate_near_its_end_is_found(
        self, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, level: str
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
        (one,) = outside.certificate(url, time.time() + days * 86400)
        assert (one.check, one.level) == ("tls", level)
        assert "more days" in one.text

    def test_one_that_is_not_trusted_is_found_by_a_probe(self, url: str) -> None:
        assert list(outside.certificate(url, time.time())) == []
        probe = {"public_url": url, "token": "k1.x", "headers": {}}
        with Prober(InternalApi("http://127.0.0.1:1", Secret("x")), probe) as prober:
            answered = prober.send(prober.plain())
        assert answered.obstacle is not None
        assert answered.obstacle.check == "tls"
        assert "the certificate is not trusted here: self-signed certificate" in answered.obstacle.text
