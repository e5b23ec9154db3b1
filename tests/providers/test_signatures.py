"""The primitives by themselves."""

from __future__ import annotations

import base64
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Unverified
from gateway.providers.signatures.digest import Hmac
from gateway.providers.signatures.encoding import Encoding, decode, encode
from gateway.providers.signatures.grammar import Listed, Whole
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.providers.signatures.template import Body, Field, Header, Template
from gateway.providers.signatures.timestamp import Timestamp

ENCODINGS: list[Encoding] = ["hex", "base64"]


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
