"""We judge what the providers' own libraries sign: the genuine, under another secret, and changed."""

from __future__ import annotations

import time

import pytest

from gateway.delivery import Delivery
from gateway.errors import Unverified
from tests.providers.samples import PROVIDERS, SECRETS, key, sample
from tests.sdks.judges import JUDGES
from tests.sdks.signers import SIGNERS

EVERY = pytest.mark.parametrize(
    "provider", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in sorted(SIGNERS)]
)


def theirs(provider: str, kind: str, now: float) -> Delivery:
    """A sample, signed by the provider's library."""
    return SIGNERS[provider](sample(provider, kind).delivery, SECRETS[provider][0], now)


@EVERY
@pytest.mark.parametrize("kind", ["success", "failure"])
def test_we_accept_and_read_what_the_library_signs(provider: str, kind: str) -> None:
    now = time.time()
    delivery = theirs(provider, kind, now)
    assert PROVIDERS[provider].verify(delivery, [key(provider)], now) == 0
    assert PROVIDERS[provider].read(delivery, [key(provider)])


@EVERY
def test_we_refuse_it_under_another_secret(provider: str) -> None:
    now = time.time()
    with pytest.raises(Unverified):
        PROVIDERS[provider].verify(theirs(provider, "success", now), [key(provider, 1)], now)


@EVERY
def test_we_refuse_it_changed(provider: str) -> None:
    now = time.time()
    changed = JUDGES[provider].change(theirs(provider, "success", now))
    with pytest.raises(Unverified):
        PROVIDERS[provider].verify(changed, [key(provider)], now)
