"""What the stack writes is what the gateway takes, and nobody else can read its secrets."""

from __future__ import annotations

import hashlib
import stat
from dataclasses import astuple
from pathlib import Path

from gateway import settings, sources
from stack import config

ADDRESSES = config.Addresses(
    public="127.0.0.1:1",
    internal="127.0.0.1:2",
    ingress_url="http://127.0.0.1:3",
    admin_url="http://127.0.0.1:4",
)


def test_the_gateway_takes_the_settings_and_finds_every_secret(tmp_path: Path) -> None:
    files = config.write(tmp_path / "config", ADDRESSES)
    loaded = settings.load(files.gateway_toml, {})
    found = sources.load(loaded, {})

    assert (loaded.listen.public, loaded.listen.internal) == (ADDRESSES.public, ADDRESSES.internal)
    assert loaded.public_url == "http://127.0.0.1:1"
    assert loaded.restate.ingress_urls == (ADDRESSES.ingress_url,)
    assert set(found.by_name) == {"acmepay", "acmepay-account", "idcheck", "mailer", "mollie"}
    assert (found.closed, found.absent) == ([], ())


def test_the_settings_hold_the_clients_digest_and_no_secret(tmp_path: Path) -> None:
    files = config.write(tmp_path / "config", ADDRESSES)
    token = files.client_token.read_text()
    text = files.gateway_toml.read_text()

    assert hashlib.sha256(token.encode()).hexdigest() in text
    assert files.client_header.read_text() == f"Authorization: Bearer {token}\n"
    secrets = [token, files.acmepay_secret.read_text(), files.idcheck_secret.read_text()]
    assert not any(secret in text for secret in secrets)


def test_only_the_owner_can_read_the_secrets(tmp_path: Path) -> None:
    files = config.write(tmp_path / "config", ADDRESSES)
    secrets = set(astuple(files)) - {files.gateway_toml}

    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert stat.S_IMODE((tmp_path / "config").stat().st_mode) == 0o700


def test_no_two_stacks_share_a_secret(tmp_path: Path) -> None:
    first, second = (config.write(tmp_path / name, ADDRESSES) for name in ("first", "second"))
    for one, other in zip(astuple(first)[1:], astuple(second)[1:], strict=True):
        assert one.read_text() != other.read_text()
