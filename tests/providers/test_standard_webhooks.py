"""Standard Webhooks: its two algorithms beside each other, and its keys."""

from __future__ import annotations

import pytest

from gateway.errors import Unverified
from gateway.providers import CATALOGUE
from gateway.secret import Secret
from tests.providers.samples import NOW, key, sample, signed

PROVIDER = CATALOGUE["standard-webhooks"]
# The pair of Svix's own test, see tests/vectors/standard-webhooks.json.
PRIVATE = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="


def test_a_source_takes_shared_and_public_keys_beside_each_other() -> None:
    public = PROVIDER.key(Secret(PUBLIC))
    by_ed25519 = PROVIDER.scheme.sign(
        sample("standard-webhooks").delivery, PROVIDER.key(Secret(PRIVATE)), NOW
    )
    both = [key("standard-webhooks"), public]
    assert PROVIDER.verify(by_ed25519, both, NOW) == 1
    assert PROVIDER.verify(signed("standard-webhooks"), both, NOW) == 0


def test_a_signature_does_not_pass_under_the_other_algorithm_s_name() -> None:
    for good, old, new in (
        (signed("standard-webhooks"), "v1,", "v1a,"),
        (
            PROVIDER.scheme.sign(sample("standard-webhooks").delivery, PROVIDER.key(Secret(PRIVATE)), NOW),
            "v1a,",
            "v1,",
        ),
    ):
        text = good.headers.one("webhook-signature")
        assert text
        changed = good.headers.with_(webhook_signature=text.replace(old, new))
        with pytest.raises(Unverified):
            PROVIDER.verify(
                type(good)(good.method, good.url, changed, good.body, NOW),
                [key("standard-webhooks"), PROVIDER.key(Secret(PUBLIC))],
                NOW,
            )


def test_a_public_key_does_not_sign() -> None:
    with pytest.raises(ValueError, match="verifies and does not sign"):
        PROVIDER.scheme.sign(sample("standard-webhooks").delivery, PROVIDER.key(Secret(PUBLIC)), NOW)


@pytest.mark.parametrize(
    ("secret", "says"),
    [
        ("whsec_not base64 at all!", "not base64 after whsec_"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "not base64"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8I", "holds 15 bytes"),
        ("whsec_c2hvcnQ=", "holds 5 bytes, 16 or more"),
        ("whsec_", "holds 0 bytes"),
        ("whpk_c2hvcnQ=", "whpk_ and 32 bytes"),
        ("whsk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=", "whpk_ and 32 bytes"),
        ("whpk_ä", "whpk_ and 32 bytes"),
    ],
)
def test_a_secret_of_the_wrong_form_is_explained_and_not_shown(secret: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        PROVIDER.key(Secret(secret))
    # The prefix alone may be named: it is no secret.
    assert len(secret) < 7 or secret[6:] not in str(caught.value)


def test_a_key_without_prefix_or_padding_is_the_same_key() -> None:
    secret = "whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c="
    made = {PROVIDER.key(Secret(text)) for text in (secret, secret.rstrip("="), secret[6:])}
    assert len(made) == 1
