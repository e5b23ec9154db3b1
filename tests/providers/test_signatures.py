"""The primitives by themselves."""

from __future__ import annotations

import base64
import hashlib
import hmac
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import strict_json
from gateway.delivery import Delivery, Headers
from gateway.errors import Malformed, Unverified
from gateway.providers.signatures.digest import Hash, Hmac, KeyForm, KeyThenText
from gateway.providers.signatures.encoding import Encoding, decode, encode
from gateway.providers.signatures.grammar import Described, Grammar, Keyed, Listed, Whole
from gateway.providers.signatures.items import ItemScheme
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Field, Header, Template
from gateway.providers.signatures.timestamp import BodyTime, Timestamp
from gateway.secret import Secret

ENCODINGS: list[Encoding] = ["hex", "HEX", "base64"]
HASHES: list[Hash] = ["md5", "sha1", "sha256", "sha512"]


@given(data=st.binary(max_size=100), encoding=st.sampled_from(ENCODINGS))
def test_what_is_encoded_is_decoded(data: bytes, encoding: Encoding) -> None:
    assert decode(encode(data, encoding), encoding) == data


@given(
    text=st.text(max_size=60) | st.text("0123456789abcdefABCDEF \n=+/-_", max_size=60),
    encoding=st.sampled_from(ENCODINGS),
)
def test_bytes_have_one_spelling(text: str, encoding: Encoding) -> None:
    data = decode(text, encoding)
    assert data is None or encode(data, encoding) == text


def test_unused_bits_white_space_and_the_other_alphabet_are_no_base64() -> None:
    good = base64.b64encode(b"\xfb\xff\xfe\x01").decode()
    assert decode(good, "base64") == b"\xfb\xff\xfe\x01"
    for bad in (
        "+//+AR==",
        f" {good}",
        f"{good}\n",
        good.replace("+", "-").replace("/", "_"),
        good.rstrip("="),
    ):
        assert decode(bad, "base64") is None
    for bad in ("FF", "0", "0x00", "f f", "ff ", "\uff46\uff46"):
        assert decode(bad, "hex") is None


@given(pairs=st.lists(st.tuples(st.text("abct10", min_size=1), st.text("abc=/+0")), min_size=1, max_size=5))
def test_a_list_is_read_as_it_was_written(pairs: list[tuple[str, str]]) -> None:
    for grammar in (Listed(",", "="), Listed(" ", ",")):
        assert grammar.parse(grammar.write(pairs)) == tuple(pairs)


@given(text=st.text(max_size=60) | st.text("ab1/;,=|&signatureorgmh", max_size=60))
def test_a_header_is_of_a_grammar_or_refused(text: str) -> None:
    grammars: list[Grammar] = [Keyed(",", "/SHA256/"), Described(";", "=", "signature", "algorithm")]
    for grammar in grammars:
        try:
            pairs = grammar.parse(text)
        except Unverified:
            continue
        assert grammar.parse(grammar.write(pairs)) == pairs


def test_a_signature_that_is_described_is_there_once_and_by_an_algorithm() -> None:
    grammar = Described(";", "=", "signature", "algorithm", beside=(("sender", "shop"),))
    assert grammar.parse("algorithm=MD5;signature=aa;content=DOCUMENT") == (("MD5", "aa"),)
    assert grammar.write((("MD5", "aa"),)) == "sender=shop;signature=aa;algorithm=MD5"
    for text in ("signature=aa", "algorithm=MD5", "signature=aa;signature=bb;algorithm=MD5", "aa", ""):
        with pytest.raises(Unverified):
            grammar.parse(text)


def test_a_prefix_is_taken_off_once() -> None:
    assert Whole("sha256=").parse("sha256=sha256=aa") == (("", "sha256=aa"),)
    with pytest.raises(Unverified):
        Whole("sha256=").parse("SHA256=aa")


@pytest.mark.parametrize("source", [Header("x-time"), Field("t")])
def test_a_timestamp_that_is_not_signed_cannot_be_declared(source: Header | Field) -> None:
    with pytest.raises(ValueError, match="not signed"):
        HeaderScheme(
            header="x-signature",
            algorithms=(("", Hmac()),),
            templates=(Template.of(source, ".", Body()), Template.of(Body())),
            timestamp=Timestamp(source=source),
        )


def test_a_provider_with_hmac_does_not_load_cryptography() -> None:
    code = (
        "import sys\n"
        "from gateway.providers import CATALOGUE\n"
        "from gateway.secret import Secret\n"
        "from gateway.delivery import Delivery, Headers\n"
        "provider = CATALOGUE['standard-webhooks']\n"
        "key = provider.key(Secret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'))\n"
        "plain = Delivery('POST', '', Headers([('webhook-id', 'a')]), b'{}', 0.0)\n"
        "signed = provider.scheme.sign(plain, key, 0.0)\n"
        "assert provider.verify(signed, [key], 0.0) == 0\n"
        "loaded = {'cryptography', 'fastapi', 'sqlalchemy', 'httpx'} & set(sys.modules)\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# -- times


def rfc3339(text: str, now: float) -> str | None:
    """Why a time is refused; None where it is not."""
    try:
        Timestamp(source=Header("x-time"), unit="RFC 3339").judge(text, now)
    except Unverified as error:
        return error.detail
    return None


@given(
    seconds=st.integers(300_000_000, 7_000_000_000),
    zone=st.integers(-840, 840),
)
def test_a_time_of_rfc_3339_counts_wherever_it_was_written(seconds: int, zone: int) -> None:
    now = float(seconds)
    at = datetime.fromtimestamp(now, timezone(timedelta(minutes=zone)))
    stamp = Timestamp(source=Header("x-time"), unit="RFC 3339")
    for text in (at.isoformat(), stamp.text(now)):
        assert rfc3339(text, now) is None
        assert rfc3339(text, now + 302) == "the timestamp is too old"
        assert rfc3339(text, now - 302) == "the timestamp is too far in the future"


@given(text=st.text(max_size=40) | st.text("0123456789-:.TZ+", max_size=30))
def test_what_is_no_time_is_refused_and_nothing_else_comes_out(text: str) -> None:
    rfc3339(text, 0.0)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "2026-11-22",
            "2026-11-22T20:40:00",
            "2026-11-22 20:40:00Z",
            "2026-11-22t20:40:00z",
            "0-11-22T20:40:00Z",
        ),
        *("2026-02-30T20:40:00Z", "2026-11-22T24:00:01Z", "2026-11-22T20:40:61Z", " 2026-11-22T20:40:00Z"),
        *(
            "2026-11-22T20:40:00Z\n",
            "2026-11-22T20:40:00+25:00",
            "\uff12026-11-22T20:40:00Z",
            "20261122T204000Z",
        ),
        *("2026-11-22T20:40:00." + "1" * 10 + "Z", "02026-11-22T20:40:00Z", "1795380000"),
    ],
)
def test_a_time_of_rfc_3339_is_written_out(text: str) -> None:
    assert rfc3339(text, 1795380000.0) == "the timestamp is not a date and time of RFC 3339"


def test_a_time_in_the_body_is_a_number_that_stands_there_once() -> None:
    scheme = HeaderScheme(
        header="x-signature",
        algorithms=(("", Hmac()),),
        timestamp=Timestamp(source=BodyTime(("sent", "at")), unit="ms"),
    )
    key = scheme.key(Secret("a secret of some length"))

    def verify(body: bytes) -> int:
        signature = Hmac().sign(key.reveal()[1:], body)
        headers = Headers([("x-signature", signature)])
        return scheme.verify(Delivery("POST", "https://a.example/", headers, body, 0.0), [key], 1795380000.0)

    assert verify(b'{"sent":{"at":1795380000123}}') == 0
    for body in (
        *(
            b'{"sent":{"at":"1795380000123"}}',
            b'{"sent":{"at":1795380000123.0}}',
            b'{"sent":{"at":true}}',
            b"{}",
        ),
        *(
            b'{"sent":{"at":1795380000123,"at":1795380000123}}',
            b'{"sent":{"at":-1795380000123}}',
            b"[]",
            b"no json",
        ),
        *(b'{"sent":{"at":1795379000123}}', b'{"sent":{"at":1795381000123}}', b'{"sent":{"at":1e400}}'),
    ):
        with pytest.raises(Unverified):
            verify(body)


def test_a_time_that_is_not_signed_is_no_declaration() -> None:
    with pytest.raises(ValueError, match="not signed"):
        HeaderScheme(
            header="x-signature",
            algorithms=(("", Hmac()),),
            templates=(Template.of(Header("x-id")),),
            timestamp=Timestamp(source=BodyTime(("at",))),
        )


# -- keys and hashes


@given(
    key=st.binary(max_size=200),
    others=st.lists(st.binary(max_size=200), max_size=3),
    signed=st.binary(max_size=300),
    algorithm=st.sampled_from(HASHES).map(lambda name: Hmac(hash=name)),
)
def test_an_hmac_is_the_library_s_whatever_was_signed_before(
    key: bytes, others: list[bytes], signed: bytes, algorithm: Hmac
) -> None:
    for other in (*others, key, *others):
        algorithm.digest(other, b"before")
    assert algorithm.digest(key, signed) == hmac.digest(key, signed, algorithm.hash)


@given(
    text=st.text(max_size=50),
    at=st.integers(0, 43),
    put=st.sampled_from(["", "=", " ", "\n", "A", "a", "0", "\xe9", "\ud800"]),
    encoding=st.sampled_from(ENCODINGS),
)
def test_a_signature_fits_in_its_one_spelling(text: str, at: int, put: str, encoding: Encoding) -> None:
    algorithm = Hmac(encoding=encoding)
    good = algorithm.sign(b"key", b"text")
    changed = good[:at] + put + good[at + 1 :]
    assert algorithm.fits(b"key", b"text", (text, good))
    assert not algorithm.fits(b"other", b"text", (text, good))
    assert algorithm.fits(b"key", b"text", (text, changed)) == (changed == good)
    assert not algorithm.fits(b"key", b"text", ())


def test_a_key_is_brought_into_its_unicode_form() -> None:
    form = KeyForm(normalize="NFKD")
    assert (
        form.decode(Secret("s\u00e9cret")) == form.decode(Secret("se\u0301cret")) == "se\u0301cret".encode()
    )
    with pytest.raises(ValueError, match="not text in UTF-8") as caught:
        form.decode(Secret(b"\xff\xfe and more"))
    assert "more" not in str(caught.value)


def test_a_lengthened_hash_fits_no_json() -> None:
    # SHA-256 goes on where it ended: whoever knows a signature of key and text can sign what goes on.
    # The filling begins with 0x80, which no text in UTF-8 has there.
    algorithm = KeyThenText()
    assert algorithm.digest(b"key", b"text") == hashlib.sha256(b"keytext").digest()
    for more in (b"", b'{"type":"paid"}'):
        with pytest.raises(Malformed):
            strict_json.read(b"[]" + b"\x80" + b"\x00" * 40 + more)


def test_a_signature_in_a_body_without_a_separator_begins_with_its_time() -> None:
    with pytest.raises(ValueError, match="a time and one text"):
        ItemScheme(signature=("s",), fields=(("a",), ("b",)), algorithm=Hmac())
