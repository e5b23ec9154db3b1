"""`gateway send`: every provider's sample events, sent to a gateway that runs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.providers import CATALOGUE
from gateway.providers.signatures.jwt import JwtScheme
from stack.ports import free_ports
from tests.cli.command import run
from tests.cli.signing_gateway import SigningGateway
from tests.gateway.ingress import FakeIngress
from tests.providers.keys import ec_key, public_pem
from tests.providers.samples import FETCHED, SECRETS

SENDING = [name for name in CATALOGUE if name not in FETCHED]
STRIPE = SECRETS["stripe"][0]
#: The public key alone, as a source has it.
TELNYX = base64.b64encode(base64.b64decode(SECRETS["telnyx"][0])[32:]).decode()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningGateway]:
    """One gateway for all of them."""
    ingress = FakeIngress()
    ingress.start()
    running = SigningGateway(tmp_path_factory.mktemp("sending"), ingress)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        ingress.stop()


def target(gateway: SigningGateway, name: str) -> list[str]:
    """Where a provider's deliveries go: a fresh callback of its own, or the account's with a reference."""
    issued = gateway.issue(name)
    if issued.url:
        return ["--to", issued.url]
    account = ["--to", f"{gateway.public_url}/s/{name}"]
    # Others find their callback by an alias.
    return account if CATALOGUE[name].reference_field is None else [*account, "--reference", issued.reference]


def secret(name: str) -> list[str]:
    return ["--secret", SECRETS[name][0]] if name in SECRETS else []


def send(gateway: SigningGateway, name: str, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    ended = gateway("send", name, *arguments, *secret(name), "--json", code=code)
    assert not any(text in ended.stdout + ended.stderr for text in SECRETS.get(name, ()))
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize("name", SENDING)
def test_what_is_sent_is_taken_as_genuine_and_what_is_spoilt_is_refused(
    gateway: SigningGateway, name: str
) -> None:
    where, provider = target(gateway, name), CATALOGUE[name]
    (answered,) = send(gateway, name, *where)
    assert answered["expected"]
    assert 200 <= answered["status"] < 300
    if "--reference" in where or "/c/" in where[1]:
        assert not answered["outcome"].startswith(("unmatched", "filtered"))
    refused = provider.responses.unverified.status if provider.responses.unverified else 401
    scheme = provider.scheme
    timed = getattr(scheme, "timestamp", None) is not None or isinstance(scheme, JwtScheme)
    spoilt = ["--tamper"] * (provider.covers != "nothing") + ["--stale"] * (timed and name != "dropbox-sign")
    for how in spoilt:
        (answered,) = send(gateway, name, *where, how)
        assert answered["status"] == refused, how
        assert answered["expected"]


@pytest.mark.parametrize("name", FETCHED)
def test_a_provider_that_signs_with_a_published_key_is_refused_with_what_would_work(
    gateway: SigningGateway, name: str
) -> None:
    said = gateway("send", name, "--to", gateway.public_url, "--source", name, code=1).stderr
    assert "a private key that nobody else has" in said
    assert f"gateway verify {name}" in said
    assert CATALOGUE[name].documentation in said


def test_an_event_that_is_sent_completes_the_callback(gateway: SigningGateway) -> None:
    issued = gateway.issue("stripe", succeed_on=["checkout.session.async_payment_succeeded"])
    account = ("--to", f"{gateway.public_url}/s/stripe", "--reference", issued.reference)
    (answered,) = send(
        gateway,
        "stripe",
        "checkout.session.async_payment_succeeded",
        *account,
        "--set",
        "data.object.amount=77",
    )
    assert answered["event"] == "checkout.session.async_payment_succeeded"
    assert answered["outcome"] == "completed"
    gateway.wait_for_outcome(issued.id, "completed")
    sent = [call for call in gateway.ingress.calls if issued.awakeable in call.path]
    assert b'"amount":77' in sent[0].body.replace(b" ", b"")


def test_events_that_are_many_have_ids_of_their_own_and_repeats_are_known(gateway: SigningGateway) -> None:
    issued = gateway.issue("stripe")
    account = ("--to", f"{gateway.public_url}/s/stripe", "--reference", issued.reference)
    many = (*account, "--source", "stripe", "--count", "3", "--duplicate", "2", "--reorder", "--json")
    answered = json.loads(gateway("send", "stripe", *many).stdout)
    ids = [one["id"] for one in answered]
    assert len(ids) == 9
    assert {ids.count(one) for one in ids} == {3}
    outcomes = [one["outcome"] for one in answered]
    assert outcomes.count("completed") == 1
    assert outcomes.count("duplicate") == 8


def test_an_answer_that_is_not_as_it_should_be_ends_with_1(gateway: SigningGateway) -> None:
    (answered,) = send(gateway, "stripe", "--to", f"{gateway.public_url}/s/closed", code=1)
    assert (answered["status"], answered["expected"]) == (401, False)
    (port,) = free_ports(1)
    shown = gateway(
        "send", "stripe", "--to", f"http://127.0.0.1:{port}/c/a-token", "--source", "stripe", code=1
    )
    assert "no answer: ConnectError" in shown.stdout
    assert "1 sent, 1 not answered as they should be." in shown.stdout
    assert "a-token" not in shown.stdout + shown.stderr


def test_a_public_key_does_not_sign_and_a_private_one_does(gateway: SigningGateway, tmp_path: Path) -> None:
    issued = gateway.issue("sendgrid")
    account = ("--to", f"{gateway.public_url}/s/sendgrid", "--reference", issued.reference)
    for name, text in (("public", public_pem(ec_key())), ("private", SECRETS["sendgrid"][0])):
        (tmp_path / f"{name}.pem").write_text(text)
    said = gateway("send", "sendgrid", *account, "--secret", f"file:{tmp_path}/public.pem", code=1).stderr
    assert "a public key verifies and does not sign; to sign, make a pair of your own" in said
    shown = gateway("send", "sendgrid", *account, "--secret", f"file:{tmp_path}/private.pem").stdout
    assert "completed" in shown


def test_a_sender_of_a_source_s_own_is_sent_for_as_its_settings_say(gateway: SigningGateway) -> None:
    issued = gateway.issue("house", succeed_on=["job.done"])
    account = ("--to", f"{gateway.public_url}/s/house", "--reference", issued.reference)
    shown = gateway("send", "hmac", *account, "--source", "house", "--json").stdout
    (answered,) = json.loads(shown)
    assert (answered["event"], answered["outcome"]) == ("job.done", "completed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["stripe"], "no secret is given: name the source that has it with --source"),
        (["stripe", "--secret", "env:NOBODY_SET_IT"], "there is nothing at env:NOBODY_SET_IT"),
        (["stripe", "--secret", "sk_live_0123456789"], "signing secret is needed, not an API key"),
        (["strip"], 'there is no provider "strip"; there are adyen, '),
        (["hmac"], "name it with --source NAME"),
        (["adyen", "--stale", "--secret", SECRETS["adyen"][0]], "Adyen signs no time, so an old delivery"),
        (["auth0", "--tamper", "--secret", SECRETS["auth0"][0]], "Auth0 signs nothing of the body"),
        (["vonage", "fax", "--secret", SECRETS["vonage"][0]], "there are success, failure, message.deliver"),
        (
            ["stripe", "sucess", "--secret", STRIPE],
            'there is no sample of "sucess" from Stripe; there are succ',
        ),
        (["telnyx", "--secret", TELNYX], "32 bytes of seed and the 32 of the public key, in base64"),
        (["anthropic", "--reference", "r", "--secret", SECRETS["anthropic"][0]], "no field that is signed"),
        (["line", "failure", "--reference", "r", "--secret", SECRETS["line"][0]], "has no postback.data"),
        (["stripe", "--set", "id.deeper=1", "--secret", STRIPE], "is no object, and no array as long"),
    ],
)
def test_what_is_called_wrongly_is_told_what_would_be_right(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    ended = run(tmp_path, "send", *arguments, "--to", "http://127.0.0.1:1/", code=1)
    assert said in ended.stderr
    assert "0123456789" not in ended.stderr


def test_options_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    for to in ((), ("--to", "http://[x"), ("--to", "ftp://example.com/")):
        assert "the URL to send to" in run(tmp_path, "send", "stripe", *to, code=2).stderr
    ended = run(tmp_path, "send", "stripe", "--to", "http://127.0.0.1:1/", "--stale", "--tamper", code=2)
    assert "one reason" in ended.stderr
    wrong = ("--secret", STRIPE, "--set", "amount")
    assert (
        "PATH=VALUE" in run(tmp_path, "send", "stripe", "--to", "http://127.0.0.1:1/", *wrong, code=2).stderr
    )
