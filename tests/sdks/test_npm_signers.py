"""We judge what libraries from npm sign: the genuine, under another secret, and changed."""

from __future__ import annotations

import time

import pytest

from gateway.delivery import Delivery
from gateway.errors import Unverified
from tests.providers.samples import PROVIDERS, SECRETS, key, sample
from tests.sdks.node import Node
from tests.sdks.npm_judges import NPM_JUDGES, NpmJudge
from tests.sdks.test_npm_judges import asked

SIGNERS = [one for one in NPM_JUDGES if one.signs]


def theirs(node: Node, judge: NpmJudge, kind: str, now: float) -> Delivery:
    """A sample, signed by the library."""
    delivery = sample(judge.provider, kind).delivery
    return node.sign(judge.module, judge.provider, delivery, SECRETS[judge.provider][0], now)


@asked(SIGNERS)
@pytest.mark.parametrize("kind", ["success", "failure"])
def test_we_accept_and_read_what_the_library_signs(node: Node, judge: NpmJudge, kind: str) -> None:
    now = time.time()
    delivery = theirs(node, judge, kind, now)
    assert PROVIDERS[judge.provider].verify(delivery, [key(judge.provider)], now) == 0
    assert PROVIDERS[judge.provider].read(delivery, [key(judge.provider)])


@asked(SIGNERS)
def test_we_refuse_it_under_another_secret(node: Node, judge: NpmJudge) -> None:
    now = time.time()
    with pytest.raises(Unverified):
        PROVIDERS[judge.provider].verify(theirs(node, judge, "success", now), [key(judge.provider, 1)], now)


@asked(SIGNERS)
def test_we_refuse_it_changed(node: Node, judge: NpmJudge) -> None:
    now = time.time()
    changed = judge.change(theirs(node, judge, "success", now))
    with pytest.raises(Unverified):
        PROVIDERS[judge.provider].verify(changed, [key(judge.provider)], now)
