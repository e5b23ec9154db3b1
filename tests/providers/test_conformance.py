"""The same questions to every provider in the catalogue, and to a source's own HMAC."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.delivery import Challenge, Delivery, Event, Headers
from gateway.errors import Malformed, Unverified
from gateway.outcome import Outcome
from gateway.providers import form
from gateway.providers.base import Provider, Scheme
from gateway.providers.reader import FieldReader
from gateway.providers.signatures.certificate import CertificateScheme
from gateway.providers.signatures.form_field import FormScheme
from gateway.providers.signatures.grammar import Listed
from gateway.providers.signatures.items import ItemScheme
from gateway.providers.signatures.jwt import JwtScheme
from gateway.providers.signatures.published import PublishedScheme
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Header, IssuedUrl, Message, Named
from gateway.providers.signatures.timestamp import BodyTime, Timestamp
from gateway.rules import Rules, Verdict
from gateway.secret import Secret
from tests.providers.changing import with_proof
from tests.providers.samples import NOW, PROVIDERS, SECRETS, SIGNED, key, keys, sample, signed

KINDS = ("success", "failure")
TWIML = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'
#: Signs with a key of its own whatever the source's secret is, which only fetches that key.
OWN_KEY = ("plaid",)
#: Those that have to have headers to be verified; a form says by one what it is.
CHECKED = [name for name in SIGNED if PROVIDERS[name].scheme.headers - {"content-type"}]
IN_HEADER = [name for name in SIGNED if isinstance(PROVIDERS[name].scheme, HeaderScheme)]
TIMED = [name for name in IN_HEADER if PROVIDERS[name].scheme.timestamp]  # type: ignore[attr-defined]
#: Those with a time wherever it stands, and those whose token has one.
STAMPED = [name for name in SIGNED if getattr(PROVIDERS[name].scheme, "timestamp", None)]
TOKENS = [name for name in SIGNED if isinstance(PROVIDERS[name].scheme, JwtScheme)]
LISTED = [
    name
    for name in IN_HEADER
    if isinstance(PROVIDERS[name].scheme.grammar, Listed)  # type: ignore[attr-defined]
]


def scheme_of(name: str) -> HeaderScheme:
    scheme = PROVIDERS[name].scheme
    assert isinstance(scheme, HeaderScheme)
    return scheme


def reader_of(provider: Provider) -> FieldReader:
    assert isinstance(provider.reader, FieldReader)
    return provider.reader


def events(provider: Provider, delivery: Delivery) -> tuple[Event, ...]:
    found = provider.read(delivery)
    assert not isinstance(found, Challenge)
    return found


def with_header(delivery: Delivery, name: str, value: str) -> Delivery:
    return replace(delivery, headers=delivery.headers.with_(**{name: value}))


def without_header(delivery: Delivery, name: str) -> Delivery:
    return replace(delivery, headers=Headers((key, value) for key, value in delivery.headers if key != name))


def with_signature(name: str, delivery: Delivery, change: Callable[[str], str]) -> Delivery:
    """The delivery with its signature changed: in its header, a form, the body, or its first item."""
    scheme = PROVIDERS[name].scheme
    if isinstance(scheme, HeaderScheme):
        old = delivery.headers.one(scheme.header)
        assert old is not None
        return with_header(delivery, scheme.header, change(old))
    if (changed := with_proof(scheme, delivery, change)) is not None:
        return changed
    if isinstance(scheme, FormScheme):
        old = dict(form.parse(delivery.body))[scheme.signature]
        return form.with_value(delivery, scheme.signature, change(old))
    assert isinstance(scheme, ItemScheme)
    value = json.loads(scheme.content(delivery))
    place = value[scheme.items[0]][0] if scheme.items else value
    for step in scheme.signature[:-1]:
        place = place[step]
    place[scheme.signature[-1]] = change(place[scheme.signature[-1]])
    text = json.dumps(value)
    if scheme.payload is not None:
        return form.with_value(delivery, scheme.payload, text)
    return replace(delivery, body=text.encode())


def has_time_in_body(name: str) -> bool:
    """Whether a repeat that is signed anew has another body."""
    scheme = PROVIDERS[name].scheme
    return isinstance(scheme, HeaderScheme) and isinstance(
        getattr(scheme.timestamp, "source", None), BodyTime
    )


def judge(name: str, delivery: Delivery, now: float = NOW) -> int:
    """What a source with the first secret makes of a delivery."""
    PROVIDERS[name].needs(delivery, keys(name))
    return PROVIDERS[name].verify(delivery, keys(name), now)


def refused(name: str, delivery: Delivery, now: float = NOW) -> bool:
    try:
        judge(name, delivery, now)
    except Unverified:
        return True
    return False


# -- what is accepted


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PROVIDERS)
def test_a_genuine_delivery_is_accepted_and_read(name: str, kind: str) -> None:
    provider, delivery = PROVIDERS[name], signed(name, kind)
    assert provider.verify(delivery, keys(name), NOW) == 0
    for event, expected in zip(events(provider, delivery), sample(name, kind).events, strict=True):
        seen = {key: getattr(event, key) for key in expected}
        assert {**seen, "references": list(event.references), "objects": list(event.objects)} == expected


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_rules_say_what_the_samples_are(name: str) -> None:
    provider = PROVIDERS[name]
    (success, *_), (failure, *_) = (events(provider, signed(name, kind)) for kind in KINDS)
    if not provider.succeed_on:
        assert not provider.fail_on, "failures without successes would end every wait badly"
        return
    rules = Rules(provider.succeed_on, provider.fail_on + provider.fail_on_optional)
    assert rules.judge(success.type) is Verdict.SUCCEEDED
    if rules.fail_on:
        assert rules.judge(failure.type) is Verdict.FAILED


@pytest.mark.parametrize("name", [n for n in SIGNED if n not in OWN_KEY])
def test_the_index_says_which_of_two_secrets_fits(name: str) -> None:
    both = [key(name, 0), key(name, 1)]
    assert PROVIDERS[name].verify(signed(name, place=0), both, NOW) == 0
    assert PROVIDERS[name].verify(signed(name, place=1), both, NOW) == 1
    assert PROVIDERS[name].verify(signed(name, place=1), both[::-1], NOW) == 0


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_headers_that_are_kept_are_enough_for_a_replay(name: str) -> None:
    provider, delivery = PROVIDERS[name], signed(name)
    kept = replace(delivery, headers=Headers(delivery.headers.only(provider.headers)))
    assert provider.verify(kept, keys(name), NOW) == 0
    assert provider.read(kept) == provider.read(delivery)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_delivery_that_is_repeated_says_the_same(name: str) -> None:
    provider = PROVIDERS[name]
    first, again = (events(provider, signed(name, now=now)) for now in (NOW, NOW + 100))
    if name == "dropbox-sign":
        # The time that is signed is the event's own: the same when it is repeated.
        again = first
    assert [event.id for event in first] == [event.id for event in again]
    if provider.covers == "nothing" or reader_of(provider).recurs:
        assert all(event.digest is None and not event.id_covered for event in (*first, *again))
    elif has_time_in_body(name):
        assert all(event.id and event.digest for event in first)
    else:
        assert all(event.digest for event in first)
        assert [event.digest for event in first] == [event.digest for event in again]


@pytest.mark.parametrize("name", [n for n in PROVIDERS if PROVIDERS[n].covers != "nothing"])
def test_events_that_differ_have_digests_that_differ(name: str) -> None:
    provider = PROVIDERS[name]
    found = [e for kind in KINDS for e in events(provider, signed(name, kind))]
    if not reader_of(provider).recurs:
        assert len({event.digest for event in found}) == len(found)
    ids = [event.id for event in found if event.id is not None]
    assert len(set(ids)) == len(ids)


# -- what is refused


@pytest.mark.parametrize("name", [n for n in SIGNED if PROVIDERS[n].covers == "body"])
def test_no_byte_of_a_covered_body_can_be_changed(name: str) -> None:
    delivery = signed(name)
    for place in range(len(delivery.body)):
        changed = bytearray(delivery.body)
        changed[place] ^= 1
        assert refused(name, replace(delivery, body=bytes(changed))), place


@pytest.mark.parametrize("name", [n for n in SIGNED if PROVIDERS[n].covers == "body" and n != "twilio"])
@pytest.mark.parametrize("change", [b"\n", b" ", b"\x00"])
def test_nothing_can_be_added_to_a_covered_body(name: str, change: bytes) -> None:
    delivery = signed(name)
    assert refused(name, replace(delivery, body=delivery.body + change))
    assert refused(name, replace(delivery, body=delivery.body[:-1]))
    assert refused(name, replace(delivery, body=b""))


@pytest.mark.parametrize(
    "name",
    [
        n
        for n in SIGNED
        if PROVIDERS[n].covers == "body" and sample(n).delivery.media_type == "application/json"
    ],
)
def test_a_body_that_is_written_anew_is_another_one(name: str) -> None:
    delivery = signed(name)
    value = json.loads(delivery.body)
    for text in (json.dumps(value), json.dumps(value, indent=2), json.dumps(value, sort_keys=True)):
        assert text.encode() != delivery.body
        assert refused(name, replace(delivery, body=text.encode())), text


@pytest.mark.parametrize("name", [n for n in SIGNED if isinstance(reader_of(PROVIDERS[n]).covered, tuple)])
def test_no_covered_field_of_a_body_can_be_changed(name: str) -> None:
    good, covered = signed(name), reader_of(PROVIDERS[name]).covered
    batch = reader_of(PROVIDERS[name]).items
    scheme = PROVIDERS[name].scheme
    payload = scheme.payload if isinstance(scheme, ItemScheme) else None
    for path in covered:
        value = json.loads(scheme.content(good) if isinstance(scheme, ItemScheme) else good.body)
        place = value[batch][0] if batch else value
        *way, last = path.split(".")
        for step in way:
            place = place.get(step, {})
        if last not in place:
            continue
        old = place[last]
        place[last] = old + 1 if isinstance(old, int) else f"{old}x"
        text = json.dumps(value)
        changed = form.with_value(good, payload, text) if payload else replace(good, body=text.encode())
        assert refused(name, changed), path


@pytest.mark.parametrize("name", [n for n in SIGNED if n not in OWN_KEY])
def test_another_secret_and_no_secret_are_refused(name: str) -> None:
    for some in ([key(name, 1)], []):
        with pytest.raises(Unverified):
            PROVIDERS[name].verify(signed(name), some, NOW)


#: Looped over in one test: with a test for each, those of all providers would be thousands.
NO_SIGNATURES = (
    *("", " ", ",", ",,,", "   ", "=", "v1,", "v1=", "v1, v1,", "v0=", "sha1=", "sha256=", "t=,v1="),
    *("null", "undefined", "é" * 64, "ÿ\x80", "\x00", "\t", "v1,\x00", "=" * 44, "A" * 43 + "="),
    *("0" * 40, "0" * 64, "0" * 128, "g" * 64, "v1=" + "0" * 64, "sha256=" + "0" * 64, "v0=" + "0" * 64),
    *("-" * 44, "_" * 43 + "=", "\uff19" * 64, "x" * 65536),
)


@pytest.mark.parametrize("name", SIGNED)
def test_a_signature_that_is_none_is_refused(name: str) -> None:
    good = signed(name)
    for text in NO_SIGNATURES:
        assert refused(name, with_signature(name, good, partial(put, text))), text[:80]


def put(new: str, old: str) -> str:
    """Another signature, whatever the old one was."""
    return new


SPELLINGS: dict[str, Callable[[str], str]] = {
    "truncated": lambda s: s[:-1],
    "a byte shorter": lambda s: s[:-2],
    "extended": lambda s: s + "0",
    "a byte longer": lambda s: s + "00",
    "padded": lambda s: s + "=",
    "three bytes longer": lambda s: s + "AAAA",
    "space behind": lambda s: s + " ",
    "space before": lambda s: " " + s,
    "line feed behind": lambda s: s + "\n",
    "NUL behind": lambda s: s.rstrip("=") + "\x00",
    "space inside": lambda s: s[:-6] + " " + s[-6:],
    "upper case": str.upper,
    "swapped case": str.swapcase,
    "not ASCII": lambda s: s[:-4] + "Ä" + s[-3:],
    "one digit changed": lambda s: s[:-5] + ("0" if s[-5] != "0" else "1") + s[-4:],
}


@pytest.mark.parametrize("name", SIGNED)
def test_a_signature_has_one_spelling(name: str) -> None:
    good = signed(name)
    for said, change in SPELLINGS.items():
        assert refused(name, with_signature(name, good, change)), said


@pytest.mark.parametrize("name", IN_HEADER)
def test_base64_that_is_not_canonical_is_refused(name: str) -> None:
    delivery = signed(name)
    text = delivery.headers.one(scheme_of(name).header)
    assert text is not None
    for old, new in (("+", "-"), ("/", "_"), ("=", ""), ("=", "%3D")):
        if old in text.rpartition(",")[2]:
            assert refused(name, with_header(delivery, scheme_of(name).header, text.replace(old, new)))
    if text.endswith("="):
        # The last digit before the padding has bits that decode to nothing.
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        digits = text.rstrip("=")
        other = digits[:-1] + alphabet[alphabet.index(digits[-1]) | 1] + text[len(digits) :]
        assert refused(name, with_header(delivery, scheme_of(name).header, other))


def not_needed(scheme: Scheme) -> set[str]:
    """The headers that a signature may name, and those of other secrets: one may be missing."""
    if not isinstance(scheme, HeaderScheme):
        return set()
    named = {n for t in scheme.templates for p in t.parts if isinstance(p, Named) for n in p.usual}
    return named | set(scheme.beside)


def test_a_header_that_comes_once_for_each_secret_counts_by_any() -> None:
    assert [name for name in IN_HEADER if scheme_of(name).repeats] == ["mollie-next"]
    good, other = signed("mollie-next"), signed("mollie-next", place=1).headers.one("x-mollie-signature")
    assert other is not None
    bad = ("x-mollie-signature", "sha256=" + "0" * 64)
    for beside in (("x-mollie-signature", other), bad):
        assert not refused("mollie-next", replace(good, headers=Headers((beside, *good.headers))))
        assert not refused("mollie-next", replace(good, headers=Headers((*good.headers, beside))))
    assert not refused("mollie-next", replace(good, headers=Headers((*[bad] * 15, *good.headers))))
    assert refused("mollie-next", replace(good, headers=Headers((*[bad] * 16, *good.headers))))


@pytest.mark.parametrize("name", CHECKED)
def test_every_header_that_is_checked_is_needed_once(name: str) -> None:
    scheme, good = PROVIDERS[name].scheme, signed(name)
    for header in scheme.headers:
        value = good.headers.one(header)
        if value is None:
            assert header in not_needed(scheme)
            continue
        assert refused(name, without_header(good, header)), header
        if isinstance(scheme, HeaderScheme) and header == scheme.header and scheme.repeats:
            continue
        for repeated in ((header, value), (header, "bad")):
            for fields in ((repeated, *good.headers), (*good.headers, repeated)):
                assert refused(name, replace(good, headers=Headers(fields))), header
        with pytest.raises(Unverified, match="is longer than"):
            judge(name, with_header(good, header, value + "x" * 5000))


@pytest.mark.parametrize("name", [name for name in PROVIDERS if reader_of(PROVIDERS[name]).headers])
def test_a_header_that_is_read_and_comes_twice_says_nothing_new(name: str) -> None:
    good = signed(name)
    for header in sorted(reader_of(PROVIDERS[name]).headers):
        value = good.headers.one(header)
        if value is None:
            continue
        rest = [(field, text) for field, text in good.headers if field != header]
        for pair in ((value, "b"), ("b", value), (value, value)):
            twice = replace(good, headers=Headers([*rest, *((header, text) for text in pair)]))
            try:
                judge(name, twice)
                found = PROVIDERS[name].read(twice, keys(name))
            except Unverified:
                continue
            # It is read only where another one is missing.
            assert found == PROVIDERS[name].read(good, keys(name)), header
            assert (name, header) in {("linear", "linear-delivery"), ("shopify", "x-shopify-webhook-id")}


def signed_headers(name: str, delivery: Delivery) -> list[str]:
    """The headers of a delivery that its signature covers."""
    match PROVIDERS[name].scheme:
        case HeaderScheme() as scheme:
            found = scheme.covered_headers | not_needed(scheme) - set(scheme.beside)
        case PublishedScheme() as scheme:
            found = scheme.template.headers
        case CertificateScheme() as scheme:
            found = frozenset[str]().union(*(template.headers for template in scheme.templates))
        case _:
            found = frozenset()
    return [header for header in sorted(found) if header in delivery.headers]


@pytest.mark.parametrize("name", CHECKED)
def test_no_byte_of_a_covered_header_can_be_changed(name: str) -> None:
    good = signed(name)
    for header in signed_headers(name, good):
        value = good.headers.one(header) or ""
        for place, old in enumerate(value):
            changed = value[:place] + chr(ord(old) ^ 1) + value[place + 1 :]
            assert refused(name, with_header(good, header, changed)), (header, place)
        for other in (value + " ", " " + value, value[:-1], value + "0", ""):
            assert refused(name, with_header(good, header, other)), (header, other)


def test_covered_headers_are_found_whatever_the_scheme() -> None:
    found = {name: signed_headers(name, signed(name)) for name in CHECKED}
    assert found["standard-webhooks"] == ["webhook-id", "webhook-timestamp"]
    assert found["coinbase-cdp"] == ["content-type", "x-event-id", "x-event-type"]
    assert found["fal"] == [f"x-fal-webhook-{part}" for part in ("request-id", "timestamp", "user-id")]
    assert found["paypal"] == ["paypal-transmission-id", "paypal-transmission-time"]
    for name in TIMED:
        if isinstance(source := scheme_of(name).timestamp.source, Header):  # type: ignore[union-attr]
            assert source.name in found[name]


@pytest.mark.parametrize("name", LISTED)
def test_sixteen_signatures_are_looked_at_and_not_one_more(name: str) -> None:
    grammar, good = scheme_of(name).grammar, signed(name)
    assert isinstance(grammar, Listed)
    text = good.headers.one(scheme_of(name).header)
    assert text is not None
    *stamp, (label, signature) = grammar.parse(text)
    bad = (label, signature.swapcase())

    def written(count: int) -> Delivery:
        pairs = [*stamp, *[bad] * (count - 1), (label, signature)]
        return with_header(good, scheme_of(name).header, grammar.write(pairs))

    assert not refused(name, written(16))
    assert refused(name, written(17))
    assert refused(name, written(10_000))


@pytest.mark.parametrize("name", LISTED)
def test_only_the_version_wanted_counts(name: str) -> None:
    grammar, good = scheme_of(name).grammar, signed(name)
    assert isinstance(grammar, Listed)
    text = good.headers.one(scheme_of(name).header)
    assert text is not None
    *stamp, (label, signature) = grammar.parse(text)
    versions = {"v0", "v1", "v2", "", label.upper()} - {label}
    foreign = [(version, signature) for version in sorted(versions)]
    for pair in foreign:
        only = grammar.write([*stamp, pair])
        assert refused(name, with_header(good, scheme_of(name).header, only)), pair
    beside = grammar.write([*stamp, *foreign, (label, signature)])
    assert not refused(name, with_header(good, scheme_of(name).header, beside))


# -- time


@pytest.mark.parametrize("name", STAMPED)
def test_a_signature_counts_for_a_bounded_time_before_and_after(name: str) -> None:
    timestamp = PROVIDERS[name].scheme.timestamp  # type: ignore[attr-defined]
    for seconds, accepted in (
        *((-timestamp.past - 1, False), (-timestamp.past, True), (-timestamp.past + 1, True), (0, True)),
        *((timestamp.future - 1, True), (timestamp.future, True), (timestamp.future + 1, False)),
    ):
        assert refused(name, signed(name, now=NOW + seconds)) is not accepted, seconds


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_counts_for_a_bounded_time_before_and_after(name: str) -> None:
    # By its age or its end, which our own signer sets five minutes later as well.
    for seconds, accepted in ((-311, False), (-289, True), (0, True), (60, False)):
        assert refused(name, signed(name, now=NOW + seconds)) is not accepted, seconds


def test_the_times_other_than_five_minutes_are_known() -> None:
    stamps: list[tuple[str, Timestamp]] = [
        (name, PROVIDERS[name].scheme.timestamp)  # type: ignore[attr-defined]
        for name in STAMPED
    ]
    assert {name: stamp.future for name, stamp in stamps if stamp.future != 300} == {
        "linear": 60,
        "workos": 180,
    }
    # As long as a repeat may come, where it may bear the time of the first.
    as_repeated = ("airwallex", "dlocal", "dropbox-sign", "mercado-pago", "sendgrid")
    assert {name: stamp.past for name, stamp in stamps if stamp.past != 300} == {
        # What their own libraries allow.
        "box": 600,
        "elevenlabs": 1800,
        "linear": 60,
        "mailgun": 900,
        "workos": 180,
        **{name: int(PROVIDERS[name].repeats_within.total_seconds()) for name in as_repeated},
    }


NO_TIMES = (
    *("", " ", "0", "-1", "nan", "inf", "1e9", "9223372036854775808", "1795380000.0", "1795380000.5"),
    *("+1795380000", " 1795380000", "1795380000 ", "1_795_380_000", "0x6b033d60", "1795380000\x00"),
    *("".join(chr(0xFF10 + int(digit)) for digit in "1795380000"), "\u0661\u0667", "9" * 5000),
    *("1795380000000", "2026-11-22T20:40:00Z"),
)
#: What is none in seconds is one in another unit.
TIMES = {"ms": "1795380000000", "s or ms": "1795380000000", "RFC 3339": "2026-11-22T20:40:00Z"}


@pytest.mark.parametrize("name", TIMED)
def test_a_time_is_a_plain_number(name: str) -> None:
    scheme = scheme_of(name)
    stamp = scheme.timestamp
    assert stamp
    for text in NO_TIMES:
        if text == TIMES.get(stamp.unit):
            continue
        try:
            delivery = replace(scheme, timestamp=says(text, stamp)).sign(
                sample(name).delivery, key(name), NOW
            )
        except ValueError:
            continue  # Not even its own signer can put this into what is signed.
        assert refused(name, delivery), text[:80]


def says(text: str, stamp: Timestamp) -> Timestamp:
    """A time that is written in this way, whatever it is."""

    class Says(Timestamp):
        def text(self, now: float) -> str:
            return text

    return Says(source=stamp.source)


@pytest.mark.parametrize("name", TIMED)
def test_a_time_cannot_be_changed_or_given_twice(name: str) -> None:
    scheme, good = scheme_of(name), signed(name)
    assert scheme.timestamp
    later = signed(name, now=NOW + 1)
    source = scheme.timestamp.source
    if isinstance(source, BodyTime):
        old_time, new_time = (source.render(Message(delivery)) for delivery in (good, later))
        assert refused(name, replace(good, body=good.body.replace(old_time, new_time)))
        twice = b'{"%s":%s,%s' % (source.path[0].encode(), old_time, good.body[1:])
        assert refused(name, replace(good, body=twice))
        return
    header = source.name if isinstance(source, Header) else scheme.header
    old, new = good.headers.one(header), later.headers.one(header)
    assert old is not None
    assert new is not None
    if isinstance(source, Header):
        assert refused(name, with_header(good, header, new))
    else:
        assert isinstance(scheme.grammar, Listed)
        between = scheme.grammar.between
        stamp, _, signature = new.partition(between)
        rest = old.partition(between)[2]
        for parts in ([stamp, rest], [stamp, old], [old, stamp], [stamp, stamp, signature]):
            assert refused(name, with_header(good, header, between.join(parts)))


# -- what is covered


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_is_said_to_be_covered_is_covered(name: str) -> None:
    provider = PROVIDERS[name]
    reader, good = reader_of(provider), signed(name)
    fields = {"id_covered": reader.id, "type_covered": reader.type}
    for flag, field in fields.items():
        said = getattr(events(provider, good)[0], flag)
        if provider.covers == "nothing" or field is None or reader.covered == "checksum":
            assert not said
            continue
        for header in field.headers:
            old = good.headers.one(header)
            if old is not None:
                assert refused(name, with_header(good, header, old + "x")) is said, (flag, header)
        if not field.headers:
            assert said or provider.covers == "fields"


def test_the_headers_that_providers_leave_out_are_known() -> None:
    found = {
        name: {flag for flag in ("id_covered", "type_covered") if not getattr(event, flag)}
        for name in SIGNED
        if PROVIDERS[name].covers != "nothing" and reader_of(PROVIDERS[name]).id is not None
        for event in events(PROVIDERS[name], signed(name))[:1]
    }
    assert {name: flags for name, flags in found.items() if flags} == {
        "bitbucket": {"id_covered", "type_covered"},
        "dropbox-sign": {"id_covered"},
        "github": {"id_covered", "type_covered"},
        "jira": {"id_covered"},
        "linear": {"id_covered"},
        "mailgun": {"type_covered"},
        "mercado-pago": {"type_covered"},
        "midtrans": {"id_covered", "type_covered"},
        "modern-treasury": {"id_covered"},
        "paypal": {"id_covered", "type_covered"},
        "razorpay": {"id_covered"},
        "sentry": {"id_covered", "type_covered"},
        "shopify": {"id_covered", "type_covered"},
        "wise": {"id_covered"},
        "woocommerce": {"id_covered", "type_covered"},
        "zendesk": {"id_covered"},
    }


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_reference_is_looked_for_where_nobody_can_change_it(name: str) -> None:
    provider = PROVIDERS[name]
    if reader_of(provider).covered == "checksum":
        assert provider.with_reference("resource.invoice_id").verified == "notification"
        return
    if provider.covers == "nothing":
        # A secret that comes along proves who says it: enough for a notification to name what it wakes.
        if provider.signed:
            assert provider.with_reference("data.reference").verified == "notification"
        else:
            with pytest.raises(ValueError, match="not covered"):
                provider.with_reference("data.reference")
        return
    with pytest.raises(ValueError, match="not covered"):
        provider.with_reference("header:x-reference")
    if provider.covers == "body":
        changed = provider.with_reference("data.order.number")
        assert changed.reference_field == "data.order.number"
        assert changed.verify(signed(name), keys(name), NOW) == 0


# -- only our errors


def header_names(name: str) -> list[str]:
    return sorted(PROVIDERS[name].headers)


anything = st.one_of(
    st.text(max_size=80),
    st.text("0123456789abcdefv=,.:; ", max_size=80),
    st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", ""]),
)
NAMES = (
    *("type", "id", "data", "object", "event", "events", "action", "actions", "payload", "entity"),
    *("challenge", "metadata", "reference", "resource_type", "notificationItems", "NotificationRequestItem"),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(NAMES) | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
bodies = st.one_of(
    st.binary(max_size=200),
    json_values.map(lambda value: json.dumps(value).encode()),
    json_values.map(lambda value: ("payload=" + json.dumps(value)).encode("utf-8", "replace")),
    st.just(b'{"type":"a","type":"b","id":"c","event":1,"event":2}'),
    st.just(b'{"type":"\\ud800"}'),
    st.just(b"[" * 5000),
)


@pytest.mark.parametrize("name", PROVIDERS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_only_our_errors_come_out_whatever_comes_in(name: str, data: st.DataObject) -> None:
    provider = PROVIDERS[name]
    fields = data.draw(st.lists(st.tuples(st.sampled_from(header_names(name)), anything), max_size=6))
    delivery = Delivery(
        "POST", data.draw(st.text(max_size=60)), Headers(fields), data.draw(bodies), received_at=NOW
    )
    now = data.draw(st.floats(0, 4e9))
    if provider.signed:
        with contextlib.suppress(Unverified):
            provider.needs(delivery, keys(name))
        with pytest.raises(Unverified) as caught:
            provider.verify(delivery, keys(name), now)
        known = " ".join(header_names(name))
        assert not any(len(v) > 11 and v in str(caught.value) and v not in known for _, v in fields)
    else:
        assert provider.verify(delivery, [], now) == 0
    for read in (provider.greet, provider.read):
        with contextlib.suppress(Malformed, Unverified):
            found = read(delivery, keys(name))
            assert found is None or isinstance(found, (Challenge, tuple))


def paths(value: Any, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every value in a JSON text."""
    yield way
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in inner:
        yield from paths(part, (*way, step))


def with_value(value: Any, way: tuple[str | int, ...], new: Any) -> Any:
    """The value with another one at the end of a way."""
    if not way:
        return new
    changed: Any = value.copy()
    changed[way[0]] = with_value(value[way[0]], way[1:], new)
    return changed


IN_JSON = [name for name in PROVIDERS if sample(name).delivery.body.startswith((b"{", b"["))]


@pytest.mark.parametrize("name", IN_JSON)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_sample_with_a_strange_value_is_read_or_malformed(name: str, data: st.DataObject) -> None:
    delivery = signed(name)
    value = json.loads(delivery.body)
    way = data.draw(st.sampled_from(list(paths(value))))
    strange = data.draw(json_values | st.just("x" * 600) | st.just(10**400) | st.just("\x00"))
    body = json.dumps(with_value(value, way, strange), separators=(",", ":")).encode()
    changed = replace(delivery, body=body)
    with contextlib.suppress(Unverified):
        judge(name, changed)
    for read in (PROVIDERS[name].greet, PROVIDERS[name].read):
        with contextlib.suppress(Malformed, Unverified):
            read(changed, keys(name))


@pytest.mark.parametrize("name", SIGNED)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_mutilated_delivery_is_refused_with_our_errors_only(name: str, data: st.DataObject) -> None:
    good = signed(name)
    cut = data.draw(st.integers(0, len(good.body) - 1))
    filling = data.draw(st.binary(max_size=8))
    body = good.body[:cut] + filling + good.body[cut + data.draw(st.integers(0, 8)) :]
    changed = replace(good, body=body)
    try:
        PROVIDERS[name].verify(changed, keys(name), NOW)
    except Unverified:
        return
    # What was not covered, or was written another way, says the same event.
    before = what_is_covered(events(PROVIDERS[name], good))
    if PROVIDERS[name].covers == "body" and name != "twilio":
        assert body == good.body
    try:
        after = events(PROVIDERS[name], changed)
    except Malformed:
        return
    assert name == "twilio" or what_is_covered(after) == before


def what_is_covered(found: tuple[Event, ...]) -> list[tuple[object, ...]]:
    return [(e.id_covered and e.id, e.type_covered and e.type, e.digest) for e in found]


# -- answers, and what a declaration says of itself


WANT_200 = {
    *("airwallex", "authorize-net", "coinbase-commerce", "flutterwave-v4", "lemon-squeezy", "mailgun"),
    *("mercado-pago", "mollie", "paystack", "worldpay", "zoom"),
}
BAD_SIGNATURE = {"gocardless": 498, "klarna": 400, "worldpay": 400}
#: What makes them stop.
GONE = {"mailgun": 406, "postmark": 403}


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_answers_are_the_declared_ones(name: str) -> None:
    provider = PROVIDERS[name]
    accepted = provider.acknowledge([Outcome.COMPLETED])
    pending = provider.acknowledge([Outcome.COMPLETED, Outcome.PENDING])
    expected: dict[str, tuple[tuple[int, bytes], tuple[int, bytes]]] = {
        "dropbox-sign": ((200, b"Hello API Event Received"), (200, b"Hello API Event Received")),
        "adyen": ((200, b"[accepted]"), (202, b"[accepted]")),
        "gocardless": ((204, b""), (202, b'{"outcome":"pending"}')),
        "discord": ((200, b'{"type":6}'), (200, b'{"type":6}')),
        "discord-events": ((204, b""), (204, b"")),
        "ms-graph": ((202, b""), (202, b"")),
        "payu": ((200, b""), (200, b"")),
        "slack": ((200, b""), (200, b"")),
        "telegram": ((200, b""), (200, b"")),
        "twilio": ((200, TWIML), (202, TWIML)),
        "xero": ((200, b""), (200, b"")),
    }
    usual = ((200, b'{"outcome":"completed"}'), (202, b'{"outcome":"pending"}'))
    exactly_200 = (usual[0], (200, b'{"outcome":"pending"}'))
    seen = ((accepted.status, accepted.body), (pending.status, pending.body))
    assert seen == expected.get(name, exactly_200 if name in WANT_200 else usual)
    unverified, gone = provider.responses.unverified, provider.responses.gone
    assert (unverified.status if unverified else 401) == BAD_SIGNATURE.get(name, 401)
    assert (gone.status if gone else 410) == GONE.get(name, 410)


def test_gocardless_is_told_498_and_several_outcomes_are_listed() -> None:
    unverified = PROVIDERS["gocardless"].responses.unverified
    assert unverified
    assert unverified.status == 498
    answer = PROVIDERS["stripe"].acknowledge([Outcome.COMPLETED, Outcome.UNMATCHED])
    assert json.loads(answer.body) == {"outcomes": ["completed", "unmatched"]}


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_declaration_is_complete(name: str) -> None:
    provider = PROVIDERS[name]
    assert provider.name == name
    assert provider.title
    assert provider.documentation.startswith("https://")
    Rules(provider.succeed_on, provider.fail_on + provider.fail_on_optional)
    assert not set(provider.succeed_on) & set(provider.fail_on)
    assert not set(provider.fail_on) & set(provider.fail_on_optional)
    assert all(header == header.lower() for header in provider.headers)
    assert sample(name).delivery.media_type in (provider.media_types or (sample(name).delivery.media_type,))
    assert bool(reader_of(provider).references) == (provider.reference_field is not None)
    if provider.url == "account":
        found = provider.reference_field or reader_of(provider).objects
        assert found or (provider.covers == "fields" and provider.verified == "notification")


def test_whoever_signs_the_url_says_so() -> None:
    by_header = [
        name
        for name in IN_HEADER
        if any(isinstance(part, IssuedUrl) for one in scheme_of(name).templates for part in one.parts)
    ]
    by_token = [name for name in TOKENS if getattr(PROVIDERS[name].scheme, "url_hash", None)]
    assert {"square", "twilio", "hubspot", "hubspot-v2"} <= set(by_header)
    assert "messagebird" in by_token
    for name in by_header + by_token:
        assert any(quirk.startswith("the URL is signed too") for quirk in PROVIDERS[name].quirks), name


@pytest.mark.parametrize("name", SIGNED)
def test_a_secret_shows_in_no_text(name: str) -> None:
    for secret in SECRETS[name]:
        made = PROVIDERS[name].key(Secret(secret))
        assert secret not in repr(made)
    with pytest.raises(ValueError, match="secret") as caught:
        PROVIDERS[name].key(Secret(""))
    assert "empty" in str(caught.value)
