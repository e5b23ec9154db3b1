"""The signed text in a callback's URL: what is authentic, and that nothing else is."""

from __future__ import annotations

import base64
import hashlib
import itertools
import random
import string
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from itsdangerous import Signer

from gateway import tokens
from gateway.errors import Invalid, NotAuthentic
from gateway.ids import unpack_callback_id
from gateway.keyring import Key, KeyRing, Purpose, Status, WorkingKeys
from gateway.rules import Rules
from gateway.targets import Awakeable, Handler, WorkflowPromise
from gateway.tokens import Claims, mint, read
from tests.core.samples import awakeable_id, claims, key, ring
from tests.core.test_targets import TARGETS

_EVENT_TYPES = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=1, max_size=30), max_size=4
).map(tuple)
_CLAIMS = st.builds(
    Claims,
    callback_id=st.binary(min_size=16, max_size=16).map(unpack_callback_id),
    source=st.from_regex(r"\A[a-z0-9-]{1,32}\Z"),
    target=TARGETS,
    expires_at=st.integers(0, (1 << 40) - 1),
    rules=st.none() | st.builds(Rules, _EVENT_TYPES, _EVENT_TYPES),
    on_failure=st.sampled_from(["reject", "resolve"]),
    recipient=st.none() | st.integers(0, 1000),
)
RING = ring(key("k1", 1), key("k2", 2, Status.ENABLED), key("k3", 3, Status.DISABLED))


def refused(
    text: str, source: str = "acmepay", of: KeyRing = RING, purpose: Purpose = Purpose.CALLBACK
) -> None:
    """Hold that a token is not authentic."""
    with pytest.raises(NotAuthentic) as caught:
        read(source, text, of, purpose)
    # One answer for all: nothing in it tells why.
    assert (caught.value.detail, str(caught.value)) == ("", "Not found")


@given(_CLAIMS, st.sampled_from(RING.keys[:2]), st.sampled_from(Purpose))
def test_a_token_is_read_as_it_was_minted(said: Claims, signer: Key, purpose: Purpose) -> None:
    token = mint(said, RING, signer, purpose)
    assert len(token) <= tokens.MAX_LENGTH
    assert read(said.source, token, RING, purpose) == (said, signer)


@given(_CLAIMS)
def test_minting_is_a_pure_function_of_claims_and_key(said: Claims) -> None:
    # Another ring that holds the same key, after a rotation say.
    rotated = ring(key("k9", 9), key("k1", 1, Status.ENABLED))
    assert mint(said, RING, RING.primary) == mint(said, rotated, rotated.keys[1])
    assert mint(said, RING, RING.keys[0]) != mint(said, RING, RING.keys[1])


def test_an_awakeables_url_path_fits_in_200_characters() -> None:
    # Some providers cut longer URLs; a path prefix and the host come on top.
    longest = key("k" * 16)
    said = claims(source="s" * 32)
    path = f"/c/{said.source}/{mint(said, ring(longest), longest)}"
    assert len(path) <= 200


def test_a_token_is_written_in_characters_that_no_url_changes() -> None:
    said = claims(target=WorkflowPromise("Checkout", "bestellung/é", "zahlung"))
    assert set(mint(said, RING, RING.primary)) <= set(string.ascii_letters + string.digits + "-_.")


def test_the_awakeable_id_cannot_be_read_out_of_a_token() -> None:
    target = Awakeable(awakeable_id())
    token = mint(claims(), RING, RING.primary)
    _, sealed, _ = token.split(".")
    assert target.id[6:14] not in token
    assert target.packed[:4] not in _decode(sealed)


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _flipped(data: bytes) -> list[bytes]:
    bits = range(8 * len(data))
    number = int.from_bytes(data, "big")
    return [(number ^ 1 << bit).to_bytes(len(data), "big") for bit in bits]


def test_every_flipped_bit_of_what_a_token_decodes_to_is_refused() -> None:
    key_id, sealed, signature = mint(claims(), RING, RING.primary).split(".")
    for changed in _flipped(_decode(sealed)):
        refused(f"{key_id}.{_encode(changed)}.{signature}")
    for changed in _flipped(_decode(signature)):
        refused(f"{key_id}.{sealed}.{_encode(changed)}")
    for changed in _flipped(key_id.encode()):
        refused(f"{changed.decode('latin-1')}.{sealed}.{signature}")


def test_a_flipped_bit_is_refused_by_the_seal_as_well() -> None:
    # Two locks: whoever had the signing key alone could still not change what is sealed.
    key_id, sealed, _ = mint(claims(), RING, RING.primary).split(".")
    for changed in _flipped(_decode(sealed)):
        refused(_signed(f"{key_id}.{_encode(changed)}"))


def _signed(text: str, source: str = "acmepay") -> str:
    """A text with a valid signature by the primary key."""
    return f"{text}.{_signer(RING.primary).get_signature(f'{source}/{text}').decode()}"


def _signer(of: Key, purpose: Purpose = Purpose.CALLBACK) -> Signer:
    """itsdangerous' own, which tokens are signed as."""
    secret = of.derive(RING.deployment, f"sign/{purpose}", 32)
    return Signer(secret, key_derivation="none", digest_method=hashlib.sha256)


@given(st.text(), st.sampled_from(RING.keys), st.sampled_from(Purpose))
def test_a_token_is_signed_as_itsdangerous_signs(text: str, of: Key, purpose: Purpose) -> None:
    assume(text.isprintable())
    signature = RING.working(of, purpose).signature(text)
    assert signature.encode() == _signer(of, purpose).get_signature(text)
    assert _signer(of, purpose).unsign(f"{text}.{signature}") == text.encode()


def _sealed(packed: bytes) -> str:
    """A token, signed and sealed by the primary key, around any bytes."""
    seal = RING.working(RING.primary, Purpose.CALLBACK).seal
    return _signed(f"k1.{_encode(seal.encrypt(packed, [b'callback/acmepay/k1']))}")


def test_the_makings_of_the_next_test_are_right() -> None:
    packed = tokens._pack(claims())
    assert _sealed(packed) == mint(claims(), RING, RING.primary)


@pytest.mark.parametrize("version", [0, 2, 255])
def test_another_version_is_refused_even_where_it_is_sealed_and_signed(version: int) -> None:
    packed = tokens._pack(claims())
    refused(_sealed(bytes([version]) + packed[1:]))


@pytest.mark.parametrize("cut", [0, 1, 2, 17, 18, 22, 30])
def test_sealed_bytes_that_are_too_short_are_refused(cut: int) -> None:
    # Nobody but us can make these; a layout that is read wrongly must still not be a crash.
    refused(_sealed(tokens._pack(claims())[:cut]))


def _spellings(token: str) -> dict[str, str]:
    key_id, sealed, signature = token.split(".")
    middle = len(sealed) // 2
    texts = {
        "nothing": "",
        "only dots": "..",
        "padded": token + "=",
        "sealed part padded": f"{key_id}.{sealed}==.{signature}",
        "sealed part and signature padded": f"{key_id}.{sealed}==.{signature}=",
        "a space in front": " " + token,
        "a space behind": token + " ",
        "a newline behind": token + "\n",
        "an encoded newline behind": token + "%0A",
        "a NUL behind": token + "\0",
        "not ASCII behind": token + "é",
        "a combining mark": token + "\u0301",
        "in standard base64": token.replace("-", "+").replace("_", "/"),
        "upper case": token.upper(),
        "lower case": token.lower(),
        "upper case key id": f"{key_id.upper()}.{sealed}.{signature}",
        "a homoglyph": token.replace("a", "\u0430"),
        "full width digits": token.translate({ord("0") + d: 0xFF10 + d for d in range(10)}),
        "a dot more": token.replace(".", "..", 1),
        "a dot behind": token + ".",
        "a dot in front": "." + token,
        "without dots": token.replace(".", ""),
        "a slash behind": token + "/",
        "a query": token + "?x=1",
        "percent-encoded": f"%{ord(token[0]):02x}{token[1:]}",
        "twice": token + "." + token,
        "without its signature": f"{key_id}.{sealed}.",
        "without its seal": f"{key_id}..{signature}",
        "without its key id": f".{sealed}.{signature}",
        "only its signature": signature,
        "reversed": token[::-1],
    }
    for text in ("!", " ", "\n", "%0A", "=", "-", "\u200b"):
        texts[f"{text!a} inside the seal"] = f"{key_id}.{sealed[:middle]}{text}{sealed[middle:]}.{signature}"
        texts[f"{text!a} inside the signature"] = f"{key_id}.{sealed}.{signature[:9]}{text}{signature[9:]}"
    for letter in string.ascii_letters + string.digits + "-_":
        # The last characters of both parts have unused bits: four and six spellings decode alike.
        texts[f"seal ends in {letter}"] = f"{key_id}.{sealed[:-1]}{letter}.{signature}"
        texts[f"signature ends in {letter}"] = f"{key_id}.{sealed}.{signature[:-1]}{letter}"
    return {name: text for name, text in texts.items() if text != token}


_TOKEN = mint(claims(), RING, RING.primary)


@pytest.mark.parametrize("text", _spellings(_TOKEN).values(), ids=_spellings(_TOKEN))
def test_a_token_has_exactly_one_spelling(text: str) -> None:
    assert read("acmepay", _TOKEN, RING)
    refused(text)


@pytest.mark.parametrize("length", range(len(_TOKEN)))
def test_a_beginning_of_a_token_is_refused(length: int) -> None:
    refused(_TOKEN[:length])


@pytest.mark.parametrize("more", range(1, 65))
def test_a_token_with_more_behind_it_is_refused(more: int) -> None:
    refused(_TOKEN + "A" * more)


@given(st.integers(0, len(_TOKEN)), st.integers(0, 4), st.text(max_size=5))
def test_any_edit_of_a_token_is_refused(at: int, removed: int, put: str) -> None:
    text = _TOKEN[:at] + put + _TOKEN[at + removed :]
    assume(text != _TOKEN)
    refused(text)


def test_parts_of_two_tokens_do_not_go_together() -> None:
    first = mint(claims(), RING, RING.primary)
    second = mint(claims(expires_at=2_000_000_000), RING, RING.keys[1])
    splices = {
        ".".join(parts) for parts in itertools.product(*zip(first.split("."), second.split("."), strict=True))
    }
    assert len(splices) == 8
    for text in splices - {first, second}:
        refused(text)


def test_a_key_id_vouches_for_its_own_bytes_only() -> None:
    # K1's bytes under K2's id, and the reverse.
    swapped = ring(key("k1", 2), key("k2", 1, Status.ENABLED))
    for signer in RING.keys[:2]:
        refused(mint(claims(), RING, signer), of=swapped)
    for signer in swapped.keys:
        refused(mint(claims(), swapped, signer))


def test_a_disabled_key_is_refused_and_an_enabled_one_is_not() -> None:
    assert read("acmepay", mint(claims(), RING, RING.keys[1]), RING)
    refused(mint(claims(), RING, RING.keys[2]))
    retired = RING.retire("k2")
    refused(mint(claims(), RING, RING.keys[1]), of=retired)


def test_a_key_that_is_gone_from_the_ring_is_refused() -> None:
    refused(mint(claims(), RING, RING.primary), of=ring(key("k9", 9)))


@pytest.mark.parametrize("source", ["acmepay2", "acmepa", "", "ACMEPAY", "stripe", "acmepay/k1", "acmepäy"])
def test_a_token_is_for_its_own_source_only(source: str) -> None:
    refused(_TOKEN, source)


def test_text_does_not_move_between_source_and_token() -> None:
    moved = claims(source="acme")
    token = mint(moved, RING, RING.primary)
    refused(f"x/{token}", "acme")
    refused(token, "acme/")


def test_a_token_is_for_its_own_purpose_only() -> None:
    for made_for, used_for in itertools.permutations(Purpose, 2):
        refused(mint(claims(), RING, RING.primary, made_for), purpose=used_for)


def test_a_token_is_for_its_own_deployment_only() -> None:
    staging = replace(RING, deployment="staging")
    refused(mint(claims(), staging, staging.primary))
    refused(_TOKEN, of=staging)


@pytest.mark.parametrize(
    "key_id",
    [
        "../../etc/passwd",
        "' OR 1=1 --",
        "\0",
        "k" * 17,
        "k" * 10_000,
        "K1",
        "k1 ",
        "",
        "none",
        "k1\n",
        "\uff4b1",
    ],
    ids=ascii,
)
def test_a_hostile_key_id_is_refused(key_id: str) -> None:
    _, sealed, signature = _TOKEN.split(".")
    refused(f"{key_id}.{sealed}.{signature}")
    # Even signed with the primary key's own signer, which an unknown key id is checked with.
    if key_id.isascii() and len(key_id) < 4000:
        refused(_signed(f"{key_id}.{sealed}"))


def test_the_header_of_a_json_web_token_means_nothing_here() -> None:
    head = _encode(b'{"alg":"none","kid":"k1"}')
    for text in (f"{head}.{_encode(b'{}')}.", f"{head}.{_encode(b'{}')}.{_encode(b'')}", f"k1.{head}."):
        refused(text)


class CountingKeys(WorkingKeys):
    """Working keys that count what they sign."""

    signed = 0

    def signature(self, text: str) -> str:
        type(self).signed += 1
        return super().signature(text)


def test_an_unknown_key_costs_the_work_of_a_wrong_signature() -> None:
    counting = ring()
    # Another purpose's: no signature here is a right one.
    other = counting.working(counting.primary, Purpose.PROBE)
    counting._working["k1", Purpose.CALLBACK] = CountingKeys(other.mac, other.seal)
    key_id, sealed, signature = _TOKEN.split(".")
    work = {}
    for name, text in {
        "wrong signature": f"{key_id}.{sealed}.{signature}",
        "unknown key": f"k7.{sealed}.{signature}",
        "no key id at all": f"{sealed}.{signature}",
        "a malformed key id": f"K-7.{sealed}.{signature}",
        "nothing": "",
    }.items():
        before = CountingKeys.signed
        refused(text, of=counting)
        work[name] = CountingKeys.signed - before
    assert set(work.values()) == {1}, work


def test_of_100_000_random_tokens_none_is_authentic_and_none_is_remembered() -> None:
    bits = random.Random(20261122)
    alphabet = string.ascii_letters + string.digits + "-_"
    tried = 100_000
    known = ring(key("k1", 1), key("k2", 2, Status.ENABLED))
    for number in range(tried):
        if number % 3:
            # Of the right form, so that the signature has to decide.
            seal, signature = "".join(bits.choices(alphabet, k=90)), "".join(bits.choices(alphabet, k=43))
            text = f"{bits.choice(('k1', 'k2', 'k3'))}.{seal}.{signature}"
        else:
            text = bits.randbytes(bits.randrange(64)).decode("latin-1")
        try:
            read("acmepay", text, known)
        except NotAuthentic:
            tried -= 1
    assert tried == 0
    assert len(known._working) <= 2


@pytest.mark.parametrize("length", [0, 1, 4096, 4097, 100_000])
def test_random_text_of_any_length_is_refused(length: int) -> None:
    bits = random.Random(length)
    refused(bits.randbytes(length).decode("latin-1"))
    refused("".join(bits.choices(string.ascii_letters + ".", k=length)))


@given(st.text(), st.text())
def test_whatever_the_path_holds_the_only_error_is_not_authentic(source: str, text: str) -> None:
    refused(text, source)


def test_the_longest_target_makes_a_token_that_can_be_read() -> None:
    # A quotation mark is two characters in JSON.
    said = claims(target=WorkflowPromise("W" * 64, '"' * 256, '"' * 256, "h" * 64), on_failure="resolve")
    assert read("acmepay", mint(said, RING, RING.primary), RING)[0] == said
    handler = claims(target=Handler("S" * 64, "\\" * 256, "h" * 64))
    assert read("acmepay", mint(handler, RING, RING.primary), RING)[0] == handler


def test_claims_too_long_for_a_url_are_refused_before_a_token_is_made() -> None:
    rules = Rules(tuple(f"{number:03}" + "x" * 197 for number in range(50)))
    with pytest.raises(Invalid, match=r"succeed_on, fail_on: .* too long"):
        mint(claims(rules=rules), RING, RING.primary)
    with pytest.raises(Invalid, match=r"succeed_on, fail_on: .* too long"):
        tokens.check(claims(rules=rules))
    tokens.check(claims(rules=Rules(("payment.*",))))
