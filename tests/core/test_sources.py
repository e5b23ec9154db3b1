"""The configured sources: secrets that are there, absent or worthless, and rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from gateway import settings, sources
from gateway.errors import ConfigurationError
from gateway.providers import CATALOGUE
from gateway.secret import Secret
from gateway.sources import Sources, allows

SECRET = "0123456789abcdef0123456789abcdef"
SIGNED = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
STRIPE = "[sources.x]\nprovider = 'stripe'\n"
OWN = "[sources.x]\nprovider = 'hmac'\nhmac = {header = 'X-Signature'}\n"


def load(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> Sources:
    """The sources of a settings file."""
    file = tmp_path / "gateway.toml"
    file.write_text(f'public_url = "https://hooks.example.com"\n{text}')
    return sources.load(settings.load(file, {}), environ or {})


def refusal(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> str:
    """What wrong sources are answered with."""
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text, environ)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_a_secret_comes_from_a_file_the_environment_or_the_setting(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}2\n")
    loaded = load(
        tmp_path,
        f"{OWN}secrets = ['env:STRIPE', 'file:{tmp_path}/secret', 'file:secret', '{SECRET}3']",
        {"STRIPE": f" {SECRET}1\n"},
    )
    source = loaded["x"]
    wanted = [f"{SECRET}1", f"{SECRET}2", f"{SECRET}3"]
    assert source.keys == tuple(source.provider.key(Secret(text)) for text in wanted)
    # One that is given twice is tried once; it counts as the entry where it stands first.
    assert source.places == (0, 1, 3)
    assert not loaded["x"].closed
    assert loaded.absent == ()


def test_a_source_without_a_secret_is_closed(tmp_path: Path) -> None:
    loaded = load(tmp_path, STRIPE)
    assert loaded["x"].closed
    assert loaded.closed == ["x"]


def test_a_secret_that_is_absent_closes_the_source_and_is_named(tmp_path: Path) -> None:
    loaded = load(tmp_path, f"{OWN}secrets = ['env:STRIPE', 'file:{tmp_path}/no']")
    assert loaded.closed == ["x"]
    assert loaded.absent == (
        "sources.x.secrets[0]: env:STRIPE is not there",
        f"sources.x.secrets[1]: file:{tmp_path}/no is not there",
    )


def test_one_secret_of_two_keeps_the_source_open(tmp_path: Path) -> None:
    loaded = load(tmp_path, f"{OWN}secrets = ['env:OLD', 'env:NEW']", {"NEW": SECRET})
    assert loaded.closed == []
    assert loaded.absent == ("sources.x.secrets[0]: env:OLD is not there",)


#: Given, but worthless: what it is called.
WORTHLESS = {
    "": "is empty",
    " \t\n": "is empty",
    "x": "is a placeholder",
    "short": "has 5 characters, fewer than 16",
    "123456789012345": "has 15 characters, fewer than 16",
    "changeme": "is a placeholder",
    "Change-Me-Please-Now-1234567890": "is a placeholder",
    "<your signing secret goes here>": "is a placeholder",
    "your-stripe-signing-secret": "is a placeholder",
    "YOUR_SECRET_GOES_HERE_1234": "is a placeholder",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxx": "is a placeholder",
    "................................": "is a placeholder",
    "placeholder-placeholder-placeholder": "is a placeholder",
    "example-secret-0123456789": "is a placeholder",
    "TODO put the secret here, please": "is a placeholder",
    "password": "is a placeholder",
    "null": "is a placeholder",
}


@pytest.mark.parametrize("by", ["env", "file", "text"])
@pytest.mark.parametrize(("text", "problem"), WORTHLESS.items(), ids=lambda value: repr(value)[:30])
def test_a_worthless_secret_refuses_to_start(tmp_path: Path, by: str, text: str, problem: str) -> None:
    (tmp_path / "secret").write_text(text)
    given = {"env": "env:X", "file": f"file:{tmp_path}/secret", "text": text}[by].encode("unicode_escape")
    said = refusal(tmp_path, f'{OWN}secrets = ["{given.decode()}"]', {"X": text})
    assert said.startswith(f"sources.x.secrets[0]: the secret {problem}: ")
    assert "put the provider's signing secret there, or take the entry out to close the source" in said
    assert not text.strip() or text.strip() not in said or text in ("x", "short", "null")


def test_a_secret_of_the_wrong_form_is_refused_without_the_secret(tmp_path: Path) -> None:
    wrong = "whsec_thisisnot*base64*thisisnotbase64"
    said = refusal(tmp_path, f"[sources.x]\nprovider = 'standard-webhooks'\nsecrets = ['{wrong}']")
    assert said.startswith("sources.x.secrets[0]: ")
    assert wrong[6:] not in said


def test_a_secret_file_that_cannot_be_read_refuses_to_start(tmp_path: Path) -> None:
    said = refusal(tmp_path, f"{OWN}secrets = ['file:{tmp_path}']")
    assert said == f"sources.x.secrets[0]: {tmp_path}: Is a directory"


def test_a_source_says_itself_that_it_is_unsigned(tmp_path: Path) -> None:
    loaded = load(tmp_path, "[sources.mailer]\nprovider = 'unsigned'")
    assert loaded.closed == []
    said = refusal(tmp_path, f"[sources.mailer]\nprovider = 'unsigned'\nsecrets = ['{SECRET}']")
    assert said == 'sources.mailer.secrets: provider = "unsigned" checks none; leave them out'


def test_a_provider_that_is_not_known_is_answered_with_those_that_are(tmp_path: Path) -> None:
    said = refusal(tmp_path, "[sources.x]\nprovider = 'strip'")
    assert said.startswith('sources.x.provider: "strip" is not known; there are ')
    for name in ("stripe", "standard-webhooks", "unsigned", "hmac"):
        assert name in said


def test_a_signature_of_your_own_needs_its_table_and_no_other_has_one(tmp_path: Path) -> None:
    said = refusal(tmp_path, f"[sources.x]\nprovider = 'hmac'\nsecrets = ['{SECRET}']")
    assert said.startswith('sources.x.hmac: a source with provider = "hmac" needs a table [sources.x.hmac]')
    said = refusal(tmp_path, f"{STRIPE}[sources.x.hmac]\nheader = 'X-S'")
    assert said == 'sources.x.hmac: only a source with provider = "hmac" has this table'


def test_rules_replace_the_providers_own_one_by_one(tmp_path: Path) -> None:
    usual = load(tmp_path, STRIPE)["x"]
    assert usual.rules.succeed_on == usual.provider.succeed_on
    assert usual.rules.fail_on == usual.provider.fail_on
    own = load(tmp_path, f"{STRIPE}succeed_on = ['charge.succeeded']\nfail_on = []")["x"]
    assert own.rules.succeed_on == ("charge.succeeded",)
    assert own.rules.fail_on == ()
    half = load(tmp_path, f"{STRIPE}fail_on = ['charge.failed']")["x"]
    assert half.rules.succeed_on == usual.provider.succeed_on


def test_a_rule_that_means_nothing_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, f"{STRIPE}succeed_on = ['a*b']")
    assert said.startswith('sources.x.succeed_on: "a*b" is no event type')


def test_a_reference_that_is_not_covered_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, "[sources.x]\nprovider = 'unsigned'\nreference = 'data.reference'")
    assert said.startswith("sources.x.reference: data.reference is not covered by the signature")


@pytest.mark.parametrize("max_expiry", ["30d", "36h", "1h", "90s", "11d"])
def test_rows_are_kept_as_long_as_a_repeat_may_come(tmp_path: Path, max_expiry: str) -> None:
    text = f"[callbacks]\nmax_expiry = '{max_expiry}'\ndefault_expiry = '1m'\n{STRIPE}"
    said = refusal(tmp_path, f"[ledger]\nkeep_rows = '1h'\n{text}")
    assert said.startswith("ledger.keep_rows: ")
    assert "callbacks.max_expiry" in said
    advised = int(said.partition("d or more is needed")[0].rpartition(" ")[2])
    # What it advises is taken, and not a day more than there has to be.
    assert load(tmp_path, f"[ledger]\nkeep_rows = '{advised}d'\n{text}")
    refusal(tmp_path, f"[ledger]\nkeep_rows = '{advised - 1}d'\n{text}")


def test_the_values_that_come_with_it_keep_rows_long_enough(tmp_path: Path) -> None:
    longest = max((provider.repeats_within for provider in CATALOGUE.values()), default=timedelta())
    each = "experimental = true\nper_callback_url = true\n"
    text = "".join(f"[sources.s-{name}]\nprovider = '{name}'\n{each}" for name in CATALOGUE)
    loaded = load(tmp_path, text)
    assert max(source.provider.repeats_within for source in loaded.by_name.values()) == longest


def test_an_experimental_provider_is_taken_where_the_source_says_so(tmp_path: Path) -> None:
    (name, *_) = (name for name, provider in CATALOGUE.items() if provider.experimental)
    said = refusal(tmp_path, f"[sources.x]\nprovider = '{name}'\n")
    assert said.startswith(f'sources.x.experimental: provider = "{name}" is experimental: ')
    assert (CATALOGUE[name].experimental or "nothing") in said
    assert "say experimental = true" in said
    assert load(tmp_path, f"[sources.x]\nprovider = '{name}'\nexperimental = true")["x"].closed


def test_a_verify_token_is_for_a_provider_that_asks_for_one(tmp_path: Path) -> None:
    said = refusal(tmp_path, f"{STRIPE}verify_token = '{SECRET}'")
    assert said == "sources.x.verify_token: Stripe asks for no verify_token; leave it out"
    assert "is not there" in refusal(tmp_path, f"{STRIPE}verify_token = 'env:NONE'")
    assert "is a placeholder" in refusal(tmp_path, f"{STRIPE}verify_token = 'changeme'")


def test_no_source_shows_its_secret(tmp_path: Path) -> None:
    loaded = load(tmp_path, f"[sources.x]\nprovider = 'standard-webhooks'\nsecrets = ['{SIGNED}']")
    source = loaded["x"]
    for text in (repr(loaded), str(source), f"{source!r}", repr(source.keys)):
        assert SIGNED not in text
        assert SECRET not in text


@pytest.mark.parametrize(
    ("patterns", "name", "allowed"),
    [
        (("*",), "stripe", True),
        ((), "stripe", False),
        (("stripe",), "stripe", True),
        (("stripe",), "stripe-eu", False),
        (("stripe-*",), "stripe-eu", True),
        (("stripe-*",), "stripe", False),
        (("adyen", "stripe-*"), "stripe-eu", True),
        (("STRIPE-*",), "stripe-eu", False),
        (("stripe-?u",), "stripe-eu", True),
    ],
)
def test_a_clients_patterns_allow_sources(patterns: tuple[str, ...], name: str, allowed: bool) -> None:
    assert allows(patterns, name) is allowed
