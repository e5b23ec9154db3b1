"""`gateway providers`: every provider of the catalogue, in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.providers import CATALOGUE
from gateway.providers.base import Provider
from tests.cli.command import run


@pytest.mark.parametrize("provider", CATALOGUE.values(), ids=lambda provider: provider.name)
def test_each_provider_is_shown_with_all_that_is_declared(tmp_path: Path, provider: Provider) -> None:
    shown = run(tmp_path, "providers", "show", provider.name).stdout
    assert shown.startswith(f"{provider.name}: {provider.title}")
    for text in (
        *provider.succeed_on,
        *provider.fail_on,
        *provider.fail_on_optional,
        *provider.unconfirmed,
        *provider.scheme.headers,
        *provider.quirks,
        provider.secrets_from or "",
        provider.experimental or "",
        provider.verified,
        *([provider.reference_field] if provider.reference_field else []),
        provider.documentation,
    ):
        assert text in shown
    assert " at 0x" not in shown


def test_what_is_signed_is_said(tmp_path: Path) -> None:
    def shown(name: str) -> str:
        return run(tmp_path, "providers", "show", name).stdout

    stripe = shown("stripe")
    assert "HMAC-SHA256 in hex (v1)" in stripe
    assert "over {t of the header}.{body}" in stripe
    assert "with a time that may be 300 s off" in stripe
    assert "how long it waits for an answer is not published" in stripe
    assert "it repeats for 3 d" in stripe
    assert "it waits 10 s for an answer" in shown("github")
    assert "it repeats nothing by itself" in shown("github")
    assert "for how long it repeats what failed is not published" in shown("persona")
    assert "covers      a checksum of the body" in shown("paypal")
    assert "HMAC-SHA256 in base64 of each item of notificationItems" in shown("adyen")
    assert "taken: 200 [accepted]" in shown("adyen")
    assert "ask the provider what it was" in shown("unsigned")
    assert "over {url}{the form's names and values, sorted}" in shown("twilio")
    assert "any sender that signs with an HMAC" in shown("hmac")
    slack = "POST with challenge in a body whose type is url_verification, signed as its events are"
    assert f"{slack}: answered with the same text" in shown("slack")


def test_the_list_has_all_of_them(tmp_path: Path) -> None:
    lines = run(tmp_path, "providers", "list").stdout.splitlines()
    assert lines[0].split() == ["NAME", "URL", "COVERS", "PROVIDER"]
    assert [line.split()[0] for line in lines[1:-1]] == list(CATALOGUE)
    assert "hmac" in lines[-1]
    listed = json.loads(run(tmp_path, "providers", "list", "--json").stdout)
    assert [one["name"] for one in listed] == list(CATALOGUE)
    one = json.loads(run(tmp_path, "providers", "show", "stripe", "--json").stdout)
    assert one == next(document for document in listed if document["name"] == "stripe")
    assert (one["verified"], one["experimental"], one["deadline"], one["retries"]) == (
        "signature",
        None,
        None,
        3 * 86400,
    )


def test_a_page_is_the_one_in_the_documentation(tmp_path: Path) -> None:
    page = Path(__file__).parent.parent.parent / "docs" / "providers" / "stripe.md"
    assert run(tmp_path, "providers", "page", "stripe").stdout == page.read_text()
    assert "any sender that signs with an HMAC" in run(tmp_path, "providers", "page", "hmac").stdout


def test_an_unknown_one_is_told_which_there_are(tmp_path: Path) -> None:
    said = run(tmp_path, "providers", "show", "strip", code=1).stderr
    assert said.startswith('gateway: there is no provider "strip"; there are adyen, ')
