"""Each provider's own library judges what we sign: the genuine, under another secret, and changed."""

from __future__ import annotations

import time

import pytest

from gateway.delivery import Delivery
from tests.providers.samples import SECRETS, signed
from tests.sdks.judges import JUDGES, Judge

# One worker a provider: a library takes seconds to import.
EVERY = pytest.mark.parametrize(
    "provider", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in sorted(JUDGES)]
)


def accepts(judge: Judge, delivery: Delivery, secret: str) -> bool:
    """The verdict; an error that is not the library's refusal comes out."""
    try:
        verdict = judge.verify(delivery, secret)
    except Exception as error:
        if type(error).__name__ != judge.refuses:
            raise
        return False
    return verdict is not False


@EVERY
@pytest.mark.parametrize("kind", ["success", "failure"])
def test_the_library_accepts_what_we_sign(provider: str, kind: str) -> None:
    delivery = signed(provider, kind, time.time())
    assert accepts(JUDGES[provider], delivery, SECRETS[provider][0])


@EVERY
def test_the_library_refuses_another_secret(provider: str) -> None:
    delivery = signed(provider, now=time.time())
    assert not accepts(JUDGES[provider], delivery, SECRETS[provider][1])


@EVERY
def test_the_library_refuses_what_was_changed(provider: str) -> None:
    judge = JUDGES[provider]
    delivery = signed(provider, now=time.time())
    changed = judge.change(delivery)
    assert changed != delivery
    assert not accepts(judge, changed, SECRETS[provider][0])
