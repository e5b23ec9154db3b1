"""What verifying costs: time, and what has to be loaded for it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from gateway.delivery import Delivery
from gateway.providers import form
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.form_field import FormScheme
from gateway.providers.signatures.items import ItemScheme
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.token import TokenScheme
from tests.providers.samples import NOW, PROVIDERS, SECRETS, SIGNED, key, sample, signed

#: The bound that was set for an HMAC over a body of 2 kB, in seconds of CPU.
BUDGET = 50e-6
SIZE = 2048


def is_digest(name: str) -> bool:
    """Whether a provider's signatures are digests."""
    match PROVIDERS[name].scheme:
        case HeaderScheme(algorithms=algorithms):
            # Standard Webhooks' second version is Ed25519, for the keys that are of that kind.
            return any(isinstance(one, Hmac) for _, one in algorithms)
        case ItemScheme() | FormScheme():
            return True
    return False


DIGESTS = [name for name in SIGNED if is_digest(name)]
#: They compare a text; with those, all that need no library.
TEXTS = [name for name in SIGNED if isinstance(PROVIDERS[name].scheme, TokenScheme)]


def filled(name: str, size: int) -> Delivery:
    """The sample with a body of some size, of what the provider sends and a filling."""
    delivery, scheme = sample(name).delivery, PROVIDERS[name].scheme
    payload = scheme.payload if isinstance(scheme, ItemScheme) else None
    missing = "x" * (size - len(delivery.body))
    if payload is None and not delivery.body.startswith((b"{", b"[")):
        return form.with_value(delivery, "Filling", missing)
    value = json.loads(scheme.content(delivery) if isinstance(scheme, ItemScheme) else delivery.body)
    (value if isinstance(value, dict) else value[0])["filling"] = missing
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return form.with_value(delivery, payload, text) if payload else replace(delivery, body=text.encode())


def best_of(name: str, size: int = SIZE, rounds: int = 15, each: int = 40) -> float:
    """The least CPU time of a verification: what others do on this machine only adds to it."""
    provider, keys = PROVIDERS[name], [key(name)]
    delivery = provider.scheme.sign(filled(name, size), keys[0], NOW)
    assert size <= len(delivery.body) < 1.4 * size
    times = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(each):
            provider.needs(delivery, keys)
            provider.verify(delivery, keys, NOW)
        times.append((time.process_time() - start) / each)
    return min(times)


@pytest.mark.parametrize("name", DIGESTS)
def test_an_hmac_of_two_kilobytes_takes_fifty_microseconds_at_most(name: str) -> None:
    assert best_of(name) < BUDGET


def test_the_measure_measures() -> None:
    assert best_of("stripe", 4 * 2**20, rounds=2, each=1) > BUDGET


def test_those_that_are_no_digests_are_known() -> None:
    assert set(SIGNED) - set(DIGESTS) - set(TEXTS) == {
        *("aws-sns", "paypal", "sendgrid", "wise"),
        *("discord", "discord-events", "fal", "telnyx"),
        *("google-pubsub", "messagebird", "plaid", "vonage"),
    }


CODE = """
import base64, json, sys
from gateway.delivery import Delivery, Headers
from gateway.providers import CATALOGUE
from gateway.secret import Secret
HEAVY = ("jwt", "cryptography", "pyreqwest", "httpx")
loaded = {}
for name, secret, url, headers, body, now in json.load(sys.stdin):
    provider = CATALOGUE[name]
    delivery = Delivery("POST", url, Headers(headers), base64.b64decode(body), now)
    keys = [provider.key(Secret(secret))]
    provider.needs(delivery, keys)
    assert provider.verify(delivery, keys, now) == 0
    provider.greet(delivery, keys)
    provider.read(delivery, keys)
    found = [one for one in HEAVY if one in sys.modules and one not in sum(loaded.values(), [])]
    loaded |= {name: found} if found else {}
print(json.dumps(loaded))
"""


def loaded_by(*names: str) -> dict[str, list[str]]:
    """What verifying and reading the samples of these loads, in a process of its own: the first of them."""
    given = [
        (name, SECRETS[name][0], good.url, list(good.headers), base64.b64encode(good.body).decode(), NOW)
        for name in names
        for good in [signed(name)]
    ]
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_a_digest_or_a_text_loads_no_library_of_certificates_or_tokens() -> None:
    # A source's own HMAC is not in the catalogue.
    assert loaded_by(*(name for name in [*DIGESTS, *TEXTS] if name != "hmac")) == {}


def test_a_token_loads_what_reads_it() -> None:
    assert loaded_by("stripe", "vonage") == {"vonage": ["jwt", "cryptography"]}
