"""Coinbase's header names the headers that it covers, and has an older version beside it that does not."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from gateway.delivery import Delivery
from gateway.errors import Unverified
from gateway.providers import CATALOGUE
from tests.providers.samples import NOW, SECRETS, keys, signed

PROVIDER = CATALOGUE["coinbase-cdp"]
HEADER = "x-hook0-signature"


def mac(text: bytes) -> str:
    return hmac.new(SECRETS["coinbase-cdp"][0].encode(), text, hashlib.sha256).hexdigest()


def older(delivery: Delivery) -> str:
    return mac(b"%d." % NOW + delivery.body)


def with_(delivery: Delivery, **headers: str) -> Delivery:
    return Delivery(
        delivery.method, delivery.url, delivery.headers.with_(**headers), delivery.body, delivery.received_at
    )


def refused(delivery: Delivery) -> bool:
    try:
        PROVIDER.verify(delivery, keys("coinbase-cdp"), NOW)
    except Unverified:
        return True
    return False


def test_the_older_version_does_not_count_alone() -> None:
    good = signed("coinbase-cdp")
    assert refused(with_(good, x_hook0_signature=f"t={int(NOW)},v0={older(good)}"))


def test_the_older_version_does_not_make_up_for_a_newer_that_is_wrong() -> None:
    good = signed("coinbase-cdp")
    both = f"t={int(NOW)},v0={older(good)},h=content-type,v1={'0' * 64}"
    assert refused(with_(good, x_hook0_signature=both))
    text = good.headers.one(HEADER)
    assert not refused(with_(good, x_hook0_signature=f"{text},v0={'0' * 64}"))


def test_a_header_that_is_named_can_t_be_changed() -> None:
    good = signed("coinbase-cdp")
    assert "h=content-type x-event-id x-event-type," in (good.headers.one(HEADER) or "")
    assert refused(with_(good, x_event_id="evt-2"))
    assert refused(with_(good, x_event_type="payments.transfers.failed"))
    assert not refused(with_(good, x_delivery_id="another"))


@pytest.mark.parametrize("names", ["", " ", "x-event-id x-event-id", "x-event-id X-Event-Id", "x-nowhere"])
def test_a_header_that_is_named_has_to_be_there_once(names: str) -> None:
    good = signed("coinbase-cdp")
    values = ".".join(good.headers.one(name) or "" for name in names.split(" "))
    signature = mac(f"{int(NOW)}.{names}.{values}.".encode() + good.body)
    assert refused(with_(good, x_hook0_signature=f"t={int(NOW)},h={names},v1={signature}"))


def test_a_name_that_was_sent_does_not_show_in_the_reason() -> None:
    good = signed("coinbase-cdp")
    text = f"t={int(NOW)},h=x-canary-in-the-mine,v1={'0' * 64}"
    with pytest.raises(Unverified) as caught:
        PROVIDER.verify(with_(good, x_hook0_signature=text), keys("coinbase-cdp"), NOW)
    assert "canary" not in str(caught.value)
