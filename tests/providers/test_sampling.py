"""Samples as deliveries of now: times moved, ids new, references in their place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import samples
from gateway.delivery import Delivery, Event
from gateway.providers import CATALOGUE
from gateway.providers.reader import FieldReader
from gateway.providers.sampling import fresh, like, retyped, with_object, with_reference
from gateway.providers.shifting import SAMPLED, shifted
from gateway.secret import Secret

NOW = SAMPLED + 8 * 86_400.0
URL = "https://hooks.example.com/c/a-source/a-token"


def reader_of(name: str) -> FieldReader:
    reader = CATALOGUE[name].reader
    assert isinstance(reader, FieldReader)
    return reader


def events(name: str, delivery: Delivery) -> tuple[Event, ...]:
    return reader_of(name).read(delivery)


@pytest.mark.parametrize("kind", samples.KINDS)
@pytest.mark.parametrize("name", CATALOGUE)
def test_a_fresh_sample_is_the_same_event_at_another_time_with_another_id(
    name: str, kind: samples.Kind
) -> None:
    old = samples.load(name, kind, URL)
    first, again, other = (fresh(old, reader_of(name), identity, NOW) for identity in ("a", "a", "b"))
    assert first == again or first.body == again.body
    for was, now, then in zip(*(events(name, one) for one in (old, first, other)), strict=True):
        assert was.type == now.type == then.type
        assert was.references == now.references
        assert was.reason == now.reason
        if was.id is not None:
            assert len({was.id, now.id, then.id}) == 3
        if not was.id_covered and was.digest is not None and set(was.objects) - set(was.references):
            assert now.digest != then.digest, "the gateway would take two for one"
        if was.time is not None:
            assert was.time != now.time
            assert len(was.time) == len(now.time or "")


@pytest.mark.parametrize("name", [name for name in CATALOGUE if CATALOGUE[name].reference_field])
def test_a_reference_is_read_where_it_was_put(name: str) -> None:
    delivery = with_reference(samples.load(name, "success", URL), reader_of(name), "a9b8c7d6e5f4")
    assert any("a9b8c7d6e5f4" in event.references for event in events(name, delivery))


def test_a_source_s_own_reference_field_is_filled() -> None:
    provider = CATALOGUE["stripe"].with_reference("data.object.metadata.cart")
    assert isinstance(provider.reader, FieldReader)
    delivery = with_reference(samples.load("stripe", "success", URL), provider.reader, "c-17")
    assert provider.reader.read(delivery)[0].references == ("c-17",)


@pytest.mark.parametrize("kind", samples.KINDS)
@pytest.mark.parametrize("name", CATALOGUE)
def test_an_event_is_about_another_object_where_it_is_about_one(name: str, kind: samples.Kind) -> None:
    old = samples.load(name, kind, URL)
    was = events(name, old)
    if not any(event.objects for event in was):
        with pytest.raises(ValueError, match="speaks of no object"):
            with_object(old, reader_of(name), "987654321")
        return
    now = events(name, with_object(old, reader_of(name), "987654321"))
    assert any("987654321" in event.objects for event in now)
    assert [event.type for event in was] == [event.type for event in now]


def test_an_object_whose_id_is_a_number_has_no_other_kind_of_id() -> None:
    with pytest.raises(ValueError, match="an id of the form of"):
        with_object(samples.load("wise", "success", URL), reader_of("wise"), "tr_1")


@pytest.mark.parametrize("name", [name for name in CATALOGUE if CATALOGUE[name].signed])
def test_a_secret_is_one_that_the_provider_takes(name: str) -> None:
    provider = CATALOGUE[name]
    if name in ("sendgrid", "wise"):
        # Its secrets are key pairs, which nobody keeps in a file.
        with pytest.raises(FileNotFoundError):
            samples.secret(provider, "a")
        return
    first, again, other = (samples.secret(provider, identity) for identity in ("a", "a", "b"))
    assert provider.key(Secret(first))
    assert first == again
    # The parts of an ARN and of a URL have a meaning; a key pair is made elsewhere.
    assert (first == other) is (name in ("aws-sns", "plaid", "telnyx"))


def test_another_type_is_written_where_the_type_stands() -> None:
    for name, wanted in (
        ("stripe", "invoice.paid"),
        ("square", "payment.updated.FAILED"),
        ("github", "workflow_run.completed.cancelled"),
        ("dlocal", "CANCELLED"),
    ):
        delivery = retyped(samples.load(name, "success", URL), reader_of(name), wanted)
        assert delivery is not None
        assert events(name, delivery)[0].type == wanted
    assert retyped(samples.load("vonage", "success", URL), reader_of("vonage"), "fax.sent") is None
    assert retyped(samples.load("adyen", "success", URL), reader_of("adyen"), "REFUND.true") is None


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("2026-11-22T20:36:40Z", "2026-11-30T20:36:40Z"),
        ("2026-11-22T21:36:40.123+01:00", "2026-11-30T21:36:40.123+01:00"),
        ("2026-11-22 20:30:00", "2026-11-30 20:30:00"),
        ("1795380000", "1796071200"),
        ("1795380000123", "1796071200123"),
        ("2018-03-22", "2018-03-22"),
        ("2018-03-22T00:00:00Z", "2018-03-22T00:00:00Z"),
        ("2026-02-30T00:00:00Z", "2026-02-30T00:00:00Z"),
        ("15550783881", "15550783881"),
    ],
)
def test_a_time_near_the_samples_moves_with_them(text: str, moved: str) -> None:
    assert shifted(text, NOW) == moved


@given(st.text(max_size=60))
def test_any_text_can_be_shifted_and_made_another_of_its_look(text: str) -> None:
    assert isinstance(shifted(text, NOW), str)
    other = like(text, "a")
    assert len(other) >= len(text)
    assert like(text, "a") == other


def test_an_id_keeps_its_look() -> None:
    assert like("evt_3SVq8d2eZvKY", "a").startswith("evt_")
    assert like("98", "a").isdecimal()
    assert len(like("98", "a")) == 9
    assert like("555-0112", "a").replace("-", "").isdecimal()
    assert bytes.fromhex(like("44782DEF547A", "a")).hex().upper() == like("44782DEF547A", "a")
    assert like("https://api.example.com/orders/A1", "a").startswith("https://api.example.com/orders/")
