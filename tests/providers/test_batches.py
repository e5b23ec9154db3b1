"""One bad item in a batch: the delivery is refused as a whole, and never half of it taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.delivery import Challenge, Delivery
from gateway.errors import Malformed, Unverified
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.token import InItems, TokenScheme
from tests.providers.samples import NOW, PROVIDERS, keys, sample, signed


def items(name: str) -> str | None:
    """Where a provider's batch stands."""
    reader = PROVIDERS[name].reader
    assert isinstance(reader, FieldReader)
    return reader.items


BATCHES = [name for name in PROVIDERS if items(name) is not None]


def with_bad_items(name: str) -> Iterator[Delivery]:
    """The signed sample with another item behind its own, which is none; the signature is the sample's."""
    path = (items(name) or "").partition("|")[0].partition("+")[0]
    bad_ones: tuple[object, ...] = (None, 1, [], {"id": 1})
    for bad in bad_ones:
        value = place = json.loads(sample(name).delivery.body)
        for step in filter(None, path.split(".")):
            place = place[0] if step == "*" else place[step]
        assert isinstance(place, list)
        place.append(bad)
        yield replace(signed(name), body=json.dumps(value, separators=(",", ":")).encode())


def test_the_batches_are_known() -> None:
    assert [
        *("adyen", "auth0", "azure-event-grid", "gocardless", "hubspot", "hubspot-v1", "line", "meta"),
        *("ms-graph", "okta", "sendgrid", "xero"),
    ] == BATCHES


@pytest.mark.parametrize("name", BATCHES)
def test_an_item_that_was_not_signed_refuses_the_delivery(name: str) -> None:
    scheme = PROVIDERS[name].scheme
    for delivery in with_bad_items(name):
        if isinstance(scheme, TokenScheme) and not isinstance(scheme.place, InItems):
            # The secret comes beside the batch, whatever is in it.
            assert PROVIDERS[name].verify(delivery, keys(name), NOW) == 0
            continue
        with pytest.raises(Unverified):
            PROVIDERS[name].verify(delivery, keys(name), NOW)


@pytest.mark.parametrize("name", [name for name in BATCHES if name != "meta"])
def test_an_item_that_is_no_event_makes_the_delivery_unreadable(name: str) -> None:
    for delivery in with_bad_items(name):
        with pytest.raises(Malformed):
            PROVIDERS[name].read(delivery, keys(name))


def test_what_meta_sends_beside_statuses_and_messages_ends_nothing() -> None:
    for delivery in with_bad_items("meta"):
        found = PROVIDERS["meta"].read(delivery)
        assert not isinstance(found, Challenge)
        (other,) = (event for event in found if event.type == "entry")
        assert (other.id or "1", other.references) == ("1", ())
