"""
An older scheme than a provider's own is no signature, however right it is: a declaration has one scheme.

What is older is genuine here, made with the source's secret by the formula that the provider had before.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.delivery import Delivery, Headers
from gateway.errors import Unverified
from tests.providers.samples import NOW, PROVIDERS, SECRETS, keys, sample, signed


def mac(name: str, text: bytes, kind: str = "sha256") -> bytes:
    return hmac.digest(SECRETS[name][0].encode(), text, kind)


def stripe_v0(good: Delivery) -> dict[str, str]:
    text = mac("stripe", b"%d." % NOW + good.body).hex()
    return {"stripe-signature": f"t={int(NOW)},v0={text}"}


def github_sha1(good: Delivery) -> dict[str, str]:
    return {"x-hub-signature": f"sha1={mac('github', good.body, 'sha1').hex()}"}


def github_sha1_as_sha256(good: Delivery) -> dict[str, str]:
    return {"x-hub-signature-256": f"sha1={mac('github', good.body, 'sha1').hex()}"}


def square_sha1(good: Delivery) -> dict[str, str]:
    text = mac("square", good.url.encode() + good.body, "sha1")
    return {"x-square-signature": base64.b64encode(text).decode()}


def coinbase_v0(good: Delivery) -> dict[str, str]:
    text = mac("coinbase-cdp", b"%d." % NOW + good.body).hex()
    return {"x-hook0-signature": f"t={int(NOW)},v0={text}"}


def coinbase_v0_named_v1(good: Delivery) -> dict[str, str]:
    text = mac("coinbase-cdp", b"%d." % NOW + good.body).hex()
    return {"x-hook0-signature": f"t={int(NOW)},h=,v1={text}"}


def hubspot_v1(good: Delivery) -> dict[str, str]:
    text = hashlib.sha256(SECRETS["hubspot"][0].encode() + good.body).hexdigest()
    return {"x-hubspot-signature": text, "x-hubspot-signature-version": "v1"}


def hubspot_v1_as_v3(good: Delivery) -> dict[str, str]:
    text = hashlib.sha256(SECRETS["hubspot"][0].encode() + good.body).hexdigest()
    return {"x-hubspot-signature-v3": text, "x-hubspot-request-timestamp": str(int(NOW) * 1000)}


def gitlab_token(good: Delivery) -> dict[str, str]:
    return {"x-gitlab-token": SECRETS["gitlab-signed"][0]}


def no_header(good: Delivery) -> dict[str, str]:
    return {}


OLDER: list[tuple[str, Callable[[Delivery], dict[str, str]]]] = [
    ("coinbase-cdp", coinbase_v0),
    ("coinbase-cdp", coinbase_v0_named_v1),
    ("github", github_sha1),
    ("github", github_sha1_as_sha256),
    ("gitlab-signed", gitlab_token),
    ("hubspot", hubspot_v1),
    ("hubspot", hubspot_v1_as_v3),
    # What its classic webhooks send, and its own library takes for one of them.
    ("mollie-next", no_header),
    ("square", square_sha1),
    ("stripe", stripe_v0),
]


@pytest.mark.parametrize(("name", "older"), OLDER)
def test_an_older_signature_does_not_count(name: str, older: Callable[[Delivery], dict[str, str]]) -> None:
    good = signed(name)
    # Nothing but what older senders send: the newer headers are gone.
    kept = [pair for pair in sample(name).delivery.headers if pair[0] not in PROVIDERS[name].scheme.headers]
    delivery = replace(good, headers=Headers([*kept, *older(good).items()]))
    with pytest.raises(Unverified):
        PROVIDERS[name].verify(delivery, keys(name), NOW)


@pytest.mark.parametrize("version", ["1", "0", "", "3", "02", "2.0"])
def test_sns_counts_in_its_second_version_only(version: str) -> None:
    good = signed("aws-sns")
    value = {**json.loads(good.body), "SignatureVersion": version}
    for delivery in (
        replace(good, body=json.dumps(value).encode()),
        replace(good, body=json.dumps({**value, "SignatureVersion": int(float(version or 0))}).encode()),
    ):
        with pytest.raises(Unverified):
            PROVIDERS["aws-sns"].needs(delivery, keys("aws-sns"))
        with pytest.raises(Unverified):
            PROVIDERS["aws-sns"].verify(delivery, keys("aws-sns"), NOW)


@pytest.mark.parametrize("algorithm", ["SHA1withRSA", "SHA256withECDSA", "sha256withrsa", ""])
def test_paypal_counts_with_its_own_algorithm_only(algorithm: str) -> None:
    good = signed("paypal")
    delivery = replace(good, headers=good.headers.with_(paypal_auth_algo=algorithm))
    with pytest.raises(Unverified):
        PROVIDERS["paypal"].needs(delivery, keys("paypal"))
    with pytest.raises(Unverified):
        PROVIDERS["paypal"].verify(delivery, keys("paypal"), NOW)


def test_linear_s_time_in_a_header_that_is_not_signed_does_not_count() -> None:
    old = signed("linear", now=NOW - 3600)
    fresh = replace(old, headers=old.headers.with_(linear_timestamp=str(int(NOW) * 1000)))
    with pytest.raises(Unverified, match="too old"):
        PROVIDERS["linear"].verify(fresh, keys("linear"), NOW)
