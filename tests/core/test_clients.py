"""Clients of the configuration and of the clients file: what is taken, and what is refused with reasons."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from gateway import clients, settings
from gateway.clients import Clients, WatchedClients, target_name
from gateway.errors import ConfigurationError
from gateway.settings import Client
from gateway.sources import allows
from gateway.targets import Awakeable, Handler, WorkflowPromise
from tests.core.samples import awakeable_id

ONE, TWO, THREE = (hashlib.sha256(text.encode()).hexdigest() for text in ("one", "two", "three"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the clients file is."""
    return tmp_path / "clients.json"


def write(file: Path, tables: Any) -> None:
    """Write a clients file by hand."""
    file.write_text(json.dumps({"clients": tables}))


def refusal(file: Path, configured: dict[str, Client] | None = None) -> str:
    """What a wrong clients file is answered with."""
    with pytest.raises(ConfigurationError) as caught:
        Clients.of(configured or {}, clients.load(file) or {}, file)
    assert str(file) in str(caught.value)
    return str(caught.value)


def test_what_is_written_is_read_again_and_no_more_than_was_said(file: Path) -> None:
    given = {
        "orders": Client(token_sha256=(ONE, TWO), sources=("stripe-*",), targets=("Checkout/*",), rate="9/s"),
        "desk": Client(token_sha256=(THREE,), max_open=7, ops=True),
    }
    clients.save(file, given)
    assert clients.load(file) == given
    assert file.stat().st_mode & 0o777 == 0o644
    tables = json.loads(file.read_text())["clients"]
    assert tables["desk"] == {"token_sha256": [THREE], "max_open": 7, "ops": True}


def test_there_need_not_be_a_file(file: Path) -> None:
    assert clients.load(file) is None


def test_a_client_of_the_configuration_may_have_its_second_token_in_the_file(file: Path) -> None:
    configured = {"orders": Client(token_sha256=(ONE,), sources=("stripe-*",))}
    write(file, {"orders": {"token_sha256": [TWO]}, "other": {"token_sha256": [THREE]}})
    both = Clients.of(configured, clients.load(file) or {}, file)
    assert both.by_name["orders"] == Client(token_sha256=(ONE, TWO), sources=("stripe-*",))
    assert both.by_digest == {ONE: "orders", TWO: "orders", THREE: "other"}


#: Tables of a clients file, and what the answer holds. The configuration has `fixed`, with one token.
WRONG: dict[str, tuple[Any, str]] = {
    "a setting that is not known": ({"a": {"token_sha256": [ONE], "source": ["x"]}}, "clients.a.source: "),
    "a token in the place of its digest": ({"a": {"token_sha256": ["gwt_x"]}}, "64 hex digits of a SHA-256"),
    "three tokens": ({"a": {"token_sha256": [ONE, TWO, THREE]}}, "clients.a.token_sha256: "),
    "three tokens with the configuration's": ({"fixed": {"token_sha256": [ONE, TWO]}}, "has 3 tokens"),
    "a token of two": ({"a": {"token_sha256": [ONE]}, "b": {"token_sha256": [ONE]}}, "is that of clients.a"),
    "what the configuration says": ({"fixed": {"sources": ["*"]}}, "here it may have tokens only"),
    "a name": ({"A b": {"token_sha256": [ONE]}}, "named with 1 to 32"),
    "a rate": ({"a": {"rate": "fast"}}, 'a rate such as "10/s"'),
    "a target": ({"a": {"targets": ["Checkout"]}}, 'such as "Checkout/*"'),
    "no room at all": ({"a": {"max_open": 0}}, "clients.a.max_open: "),
    "a list": (["a"], "clients"),
}


@pytest.mark.parametrize(("tables", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_table_is_refused_with_what_is_wrong(file: Path, tables: Any, says: str) -> None:
    write(file, tables)
    said = refusal(file, {"fixed": Client(token_sha256=(THREE,))})
    assert says in said
    assert "gwt_x" not in said


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"clients": 1}', '{"client": {}}', "\x00", "{}"])
def test_what_is_no_clients_file_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    assert "clients" in refusal(file)


def test_a_file_that_others_can_write_is_refused(file: Path) -> None:
    write(file, {})
    file.chmod(0o664)
    assert "has mode 0664: others can write it" in refusal(file)


def test_a_folder_in_its_place_is_refused(file: Path) -> None:
    file.mkdir()
    assert "Is a directory" in refusal(file)


@pytest.mark.parametrize(
    ("patterns", "target", "allowed"),
    [
        (("*",), "Checkout/gateway_callback", True),
        (("*",), "awakeable", True),
        ((), "awakeable", False),
        (("awakeable",), "awakeable", True),
        (("awakeable",), "Checkout/gateway_callback", False),
        (("Checkout/*",), "Checkout/gateway_callback", True),
        (("Checkout/*",), "Checkout2/gateway_callback", False),
        (("Check*/take",), "Checkout/take", True),
        (("Checkout/take",), "Checkout/other", False),
        (("*/*",), "awakeable", False),
    ],
)
def test_a_clients_patterns_allow_targets(patterns: tuple[str, ...], target: str, allowed: bool) -> None:
    assert allows(Client(targets=patterns).targets, target) is allowed


def test_targets_are_named_by_service_and_handler() -> None:
    assert target_name(Awakeable(awakeable_id(17))) == "awakeable"
    assert target_name(WorkflowPromise("Checkout", "k", "paid")) == "Checkout/gateway_callback"
    assert target_name(Handler("Inbox", "k", "take")) == "Inbox/take"


def test_clients_of_the_configuration_are_named_like_sources(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text('public_url = "https://x.example"\n[clients."A b"]\n')
    with pytest.raises(ConfigurationError, match=r"clients\.A b: a client is named with 1 to 32"):
        settings.load(tmp_path / "gateway.toml", {})


class TestWhileRunning:
    """The file changes under a running gateway."""

    def _watched(self, file: Path) -> tuple[WatchedClients, list[str]]:
        alarms: list[str] = []
        return WatchedClients(file, {}, lambda taken: None, alarms.append), alarms

    def test_clients_come_and_go(self, file: Path) -> None:
        watched, alarms = self._watched(file)
        assert watched.clients.by_name == {}
        for tables in ({"a": {"token_sha256": [ONE]}}, {"a": {"token_sha256": [ONE, TWO]}}, {}):
            write(file, tables)
            watched.refresh()
            watched.refresh()
            assert list(watched.clients.by_name) == list(tables)
        assert alarms == []

    @pytest.mark.parametrize("how", ["gone", "half", "open to others", "wrong"])
    def test_a_file_that_goes_wrong_leaves_the_last_good_clients(self, file: Path, how: str) -> None:
        write(file, {"a": {"token_sha256": [ONE]}})
        watched, alarms = self._watched(file)
        match how:
            case "gone":
                file.unlink()
            case "half":
                file.write_text(file.read_text()[:20])
            case "wrong":
                write(file, {"a": {"rate": "fast"}})
            case _:
                file.chmod(0o666)
        watched.refresh()
        watched.refresh()
        assert watched.clients.by_digest == {ONE: "a"}
        assert alarms == [watched.error]
        assert watched.load_errors == 1
        clients.save(file, {"b": Client(token_sha256=(TWO,))})
        watched.refresh()
        watched.refresh()
        assert watched.error is None
        assert watched.clients.by_digest == {TWO: "b"}
