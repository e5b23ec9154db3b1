"""`gateway token inspect`: what a URL is for, or which part of it is wrong."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from gateway import keyfile
from gateway.keyring import KeyRing, Purpose, Status
from gateway.rules import Rules
from gateway.targets import WorkflowPromise
from gateway.tokens import Claims, mint
from tests.cli.command import Ended, run
from tests.core.samples import CALLBACK_ID, awakeable_id, claims, key

SOON = int(time.time()) + 3600
RING = KeyRing((key(), key("k2", 2, Status.ENABLED), key("k3", 3, Status.DISABLED)), "default")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration and a key file."""
    (tmp_path / "gateway.toml").write_text(
        'public_url = "https://hooks.example.com/in"\n'
        '[sources.acmepay]\nprovider = "unsigned"\n[sources.shop]\nprovider = "unsigned"\n'
    )
    keyfile.save(tmp_path / "keys.json", RING)
    return tmp_path


def token(of: Claims, key_id: str = "k1", purpose: Purpose = Purpose.CALLBACK, ring: KeyRing = RING) -> str:
    """A token by one of the keys."""
    found = ring.key(key_id)
    assert found is not None
    return mint(of, ring, found, purpose)


def inspect(folder: Path, given: str, *options: str, code: int = 0) -> Ended:
    """Give it on stdin."""
    return run(folder, "token", "inspect", *options, code=code, stdin=given)


def test_a_url_is_told_with_the_awakeable_hidden(folder: Path) -> None:
    url = f"https://hooks.example.com/in/c/acmepay/{token(claims(expires_at=SOON))}"
    shown = inspect(folder, url).stdout
    for line in (
        f"callback   {CALLBACK_ID}",
        "kind       a callback's URL",
        "source     acmepay",
        "key        k1",
        "status     primary",
        "expired    no",
        "target     awakeable hidden, --reveal shows it",
    ):
        assert line in shown.splitlines()
    assert awakeable_id() not in shown
    revealed = json.loads(inspect(folder, url, "--reveal", "--json").stdout)
    assert revealed["target"] == {"awakeable": awakeable_id()}


def test_a_path_a_token_and_an_argument_do_as_well(folder: Path) -> None:
    promise = WorkflowPromise("Checkout", "order-42", "paid")
    text = token(claims(target=promise, expires_at=1_700_000_000, rules=Rules(("a", "b"))), "k2")
    for shown in (
        inspect(folder, f"/c/acmepay/{text}"),
        inspect(folder, text, "--source", "acmepay"),
        run(folder, "token", "inspect", f"/c/acmepay/{text}"),
    ):
        assert "key        k2" in shown.stdout
        assert "expired    yes" in shown.stdout
        assert "expires_at 2023-11-14T22:13:20Z" in shown.stdout
        assert "target     workflow Checkout, key order-42, promise paid" in shown.stdout
        assert "succeed_on a, b" in shown.stdout


def test_an_approval_s_link_is_told(folder: Path) -> None:
    text = token(claims(source="approvals", recipient=2), purpose=Purpose.APPROVAL)
    shown = json.loads(inspect(folder, f"https://hooks.example.com/in/a/{text}", "--json").stdout)
    assert (shown["kind"], shown["source"], shown["recipient"]) == ("a link for approval", "approvals", 2)


def _other_ring() -> KeyRing:
    return KeyRing((key(fill=9),), "default")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (f"/c/shop/{token(claims())}", "it was issued for the source acmepay, as a callback's URL"),
        (
            f"/c/approvals/{token(claims(source='approvals'), purpose=Purpose.APPROVAL)}",
            "it was issued for the source approvals, as a link for approval",
        ),
        (f"/c/acmepay/{token(claims())[:-1]}", "its signature does not fit the key k1"),
        (f"/c/acmepay/{token(claims()).rpartition('.')[0]}", "a token has three parts"),
        (f"/c/acmepay/k9.{token(claims()).partition('.')[2]}", "its key k9 is not in"),
        (f"/c/acmepay/{token(claims(), 'k3')}", "its key k3 is disabled"),
        (f"/c/acmepay/{token(claims(), ring=_other_ring())}", "the deployment default"),
        (
            f"/c/acmepay/{token(claims(), ring=KeyRing((key(),), 'staging'))}",
            "or is another deployment's",
        ),
        ("https://hooks.example.com/in/s/acmepay", "is the URL of an account"),
        ("https://hooks.example.com/in/x/y", "no callback's URL"),
        ("", "no callback's URL"),
        (token(claims()), "--source: a token is for one source"),
    ],
    ids=lambda value: value[:24],
)
def test_the_part_that_is_wrong_is_named(folder: Path, given: str, words: str) -> None:
    assert words in inspect(folder, given, code=1).stderr


def test_without_the_key_file_it_can_t(folder: Path) -> None:
    (folder / "keys.json").unlink()
    assert "keys.json is not there" in inspect(folder, f"/c/acmepay/{token(claims())}", code=1).stderr


def test_the_help_has_an_example(folder: Path) -> None:
    assert "Example: gateway token inspect" in run(folder, "token", "inspect", "--help").stdout
