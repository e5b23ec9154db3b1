"""Libraries from npm judge what we sign: the genuine, under another secret, changed, and too late."""

from __future__ import annotations

import time
from typing import cast

import pytest

from gateway.delivery import Delivery
from gateway.providers.reader import FieldReader
from gateway.providers.sampling import fresh
from tests.providers.samples import PROVIDERS, SECRETS, key, sample
from tests.sdks.node import Node
from tests.sdks.npm_judges import NPM_JUDGES, OTHERS, NpmJudge


def asked(judges: list[NpmJudge]) -> pytest.MarkDecorator:
    """Each judge, those of a library in one worker: it is loaded once there."""
    every = [pytest.param(one, id=str(one), marks=pytest.mark.xdist_group(one.module)) for one in judges]
    return pytest.mark.parametrize("judge", every)


def ours(provider: str, kind: str, now: float) -> Delivery:
    """A sample as it would come at a time, the times in it moved as well, signed by us."""
    reader = cast(FieldReader, PROVIDERS[provider].reader)
    delivery = fresh(sample(provider, kind).delivery, reader, "an id", now)
    return PROVIDERS[provider].scheme.sign(delivery, key(provider), now)


def accepts(node: Node, judge: NpmJudge, delivery: Delivery, place: int = 0) -> bool:
    secret = SECRETS[judge.provider][place]
    return node.accepts(judge.module, judge.provider, delivery, secret, judge.fetched)


@asked(NPM_JUDGES)
@pytest.mark.parametrize("kind", ["success", "failure"])
def test_the_library_accepts_what_we_sign(node: Node, judge: NpmJudge, kind: str) -> None:
    assert accepts(node, judge, ours(judge.provider, kind, time.time()))


@asked([one for one in NPM_JUDGES if one.provider not in OTHERS])
def test_the_library_refuses_another_secret(node: Node, judge: NpmJudge) -> None:
    assert not accepts(node, judge, ours(judge.provider, "success", time.time()), place=1)


@asked([one for one in NPM_JUDGES if one.provider in OTHERS])
def test_the_library_refuses_another_key(node: Node, judge: NpmJudge) -> None:
    delivery = ours(judge.provider, "success", time.time())
    secret = SECRETS[judge.provider][0]
    assert not node.accepts(judge.module, judge.provider, delivery, secret, judge.fetched_instead)


@asked(NPM_JUDGES)
def test_the_library_refuses_what_was_changed(node: Node, judge: NpmJudge) -> None:
    delivery = ours(judge.provider, "success", time.time())
    changed = judge.change(delivery)
    assert (changed.body, list(changed.headers)) != (delivery.body, list(delivery.headers))
    assert not accepts(node, judge, changed)


@asked([one for one in NPM_JUDGES if one.too_late])
def test_the_library_refuses_what_is_too_old(node: Node, judge: NpmJudge) -> None:
    assert judge.too_late
    assert not accepts(node, judge, ours(judge.provider, "success", time.time() - judge.too_late))
