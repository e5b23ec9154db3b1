"""What several workers cannot share is refused before anything starts, by `serve` and by `check` alike."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import settings
from gateway.errors import ConfigurationError
from gateway.listening import internal_addresses
from gateway.settings import Listen, Settings
from gateway.workers import sharing
from tests.cli import command

POSTGRES = {"url": "postgresql://gateway@db/gateway"}


def configured(listen: dict[str, object], ledger: dict[str, str] = POSTGRES) -> Settings:
    """Settings with two workers."""
    values = {"workers": 2, **listen}
    return Settings.model_validate(
        {"public_url": "http://localhost:8000", "listen": values, "ledger": ledger}
    )


def test_each_worker_s_internal_listener_is_one_port_higher() -> None:
    assert internal_addresses(Listen()) == ["127.0.0.1:8001"]
    assert internal_addresses(Listen(internal="[::1]:9000", workers=3)) == [
        *("[::1]:9000", "[::1]:9001", "[::1]:9002")
    ]


@pytest.mark.parametrize(
    ("listen", "words"),
    [
        ({"internal": "127.0.0.1:65535"}, "worker 2 would have the port 65536, for each has the one above"),
        ({"internal": "127.0.0.1:65535"}, "65534 or a lower port is needed"),
        ({"public": "0.0.0.0:8002"}, "worker 2 would have the port 8002, that of listen.public"),
        ({"public": "0.0.0.0:0"}, "listen.public: port 0 is another one each time"),
        ({"internal": "127.0.0.1:0"}, "listen.internal: port 0 is another one each time"),
    ],
)
def test_ports_that_do_not_work_out_are_named(listen: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        sharing.check(configured(listen), {})
    assert words in str(refused.value)


def test_one_process_may_have_what_it_likes_and_several_what_they_can_share(tmp_path: Path) -> None:
    sharing.check(configured({"workers": 1, "internal": "127.0.0.1:65535"}, {"url": "sqlite:///x.db"}), {})
    sharing.check(configured({"workers": 64}), {})
    secret = tmp_path / "url"
    secret.write_text("postgresql://gateway:secret@db/gateway")
    sharing.check(configured({}, {"url": f"file:{secret}"}), {})
    secret.write_text("sqlite:///gateway.db")
    with pytest.raises(ConfigurationError, match="2 processes can't share a ledger in an SQLite file"):
        sharing.check(configured({}, {"url": f"file:{secret}"}), {})


def test_serve_and_check_refuse_several_workers_on_sqlite(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('public_url = "http://localhost:8000"\n')
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "serve", "--config", str(file), "--workers", "2"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "gateway: listen.workers: 2 processes can't share a ledger in an SQLite file, which one process "
        "owns; 1 worker, or a ledger in PostgreSQL (ledger.url; `gateway ledger copy` takes what there is "
        "to it)\n"
    )
    assert sorted(tmp_path.iterdir()) == [file], "nothing has been made"
    for workers in (["--workers", "2"], []):
        if not workers:
            file.write_text(f"{file.read_text()}[listen]\nworkers = 2\n")
        shown = json.loads(command.run(tmp_path, "check", "--json", *workers, code=1).stdout)
        (found,) = [one for one in shown if one["check"] == "workers"]
        assert found["text"] in done.stderr


def test_check_looks_at_every_worker_s_address(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    ledger = '[ledger]\nurl = "postgresql://gateway@127.0.0.1:1/gateway"\n'
    file.write_text(f'public_url = "http://localhost:8000"\n[listen]\ninternal = "0.0.0.0:20801"\n{ledger}')
    shown = json.loads(command.run(tmp_path, "check", "--json", "--workers", "3", code=1).stdout)
    texts = [one["text"] for one in shown if one["check"] == "listen.internal"]
    assert [text.partition(" ")[0] for text in texts] == [f"0.0.0.0:{port}" for port in (20801, 20802, 20803)]
    assert settings.load(file, {}).listen.workers == 1
