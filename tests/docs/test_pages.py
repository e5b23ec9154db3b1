"""The providers' pages say what is declared, and a source that is set up as they say is one that works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.pages import FOLDER, pages
from gateway import settings, sources
from gateway.providers import CATALOGUE
from gateway.providers.base import Provider
from tests.providers.samples import FETCHED, SECRETS

PAGES = pages()
PROVIDERS = [pytest.param(provider, id=name) for name, provider in CATALOGUE.items()]


def test_the_pages_are_the_ones_that_the_declarations_give() -> None:
    found = {path.name: path.read_text() for path in FOLDER.iterdir()}
    stale = sorted(name for name in found.keys() | PAGES.keys() if found.get(name) != PAGES.get(name))
    assert stale == [], "run `python -m docs`"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_page_says_all_that_is_declared(provider: Provider) -> None:
    text = PAGES[f"{provider.name}.md"]
    for said in (
        provider.title,
        provider.documentation,
        *provider.succeed_on,
        *provider.fail_on,
        *provider.fail_on_optional,
        *provider.media_types,
        *provider.quirks,
        *provider.unconfirmed,
        *(text for text in (provider.experimental, provider.secrets_from, provider.reference_field) if text),
    ):
        assert said in text
    assert ("confirm(event)" in text) is (provider.verified == "notification")
    assert text.count("It asks a question first") == len(provider.handshakes)
    assert " at 0x" not in text


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_source_of_a_page_loads_and_takes_the_secret(provider: Provider, tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGES[f"{provider.name}.md"], re.DOTALL)
    for name in re.findall(r"file:/run/secrets/([a-z0-9-]+)", block):
        secret = SECRETS[provider.name][0] if name == provider.name else "a verify token of our choice"
        (tmp_path / name).write_text(secret)
    file = tmp_path / "gateway.toml"
    file.write_text(f"{block}\n".replace("/run/secrets", str(tmp_path)))
    source = sources.load(settings.load(file, {"GATEWAY_PUBLIC_URL": "https://hooks.example.com"}), {})[
        provider.name
    ]
    assert len(source.keys) == (1 if provider.signed else 0)
    assert not source.closed


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_page_says_what_the_secret_is(provider: Provider) -> None:
    lines = PAGES[f"{provider.name}.md"].partition("The secret:\n\n- ")[2]
    assert bool(lines) is provider.signed


def test_a_page_says_with_what_a_sample_can_be_signed() -> None:
    said: dict[str, set[str]] = {"--source": set(), "--secret": set(), "verify": set(), "nothing": set()}
    for name in CATALOGUE:
        (command,) = re.findall(rf"^gateway (?:send|verify) {name} .*$", PAGES[f"{name}.md"], re.MULTILINE)
        said[next((word for word in said if word in command), "nothing")].add(name)
    assert said["verify"] == FETCHED.keys()
    assert said["--secret"] == {"discord", "discord-events", "sendgrid", "telnyx", "wise"}
    assert said["nothing"] == {name for name, provider in CATALOGUE.items() if not provider.signed}


def test_the_table_has_a_row_for_each_with_its_url_and_its_events() -> None:
    rows = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \|$", PAGES["README.md"], re.MULTILINE))
    assert list(rows) == [*CATALOGUE, "hmac"]
    for name, provider in CATALOGUE.items():
        title, url, signed, events = rows[name].split(" | ")
        assert title.startswith(f"[{provider.title}]({name}.md)")
        assert title.endswith(" (experimental)") is (provider.experimental is not None)
        assert url == {"request": "each callback", "account": "account", "both": "either"}[provider.url]
        assert signed == provider.covers
        listed = [f"`{event}`" for event in (*provider.succeed_on, *provider.fail_on)]
        assert events == (", ".join(listed) or "you name them")
