"""
Signatures by the key of an X.509 certificate that the provider publishes, at a URL that comes along.

The URL is held against the places that the provider uses before anything is fetched; the certificate has
to be in force, for one of the provider's names, and signed by somebody else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Protocol

from gateway import strict_json
from gateway.delivery import Delivery
from gateway.errors import Malformed, Unverified
from gateway.providers.fetch import Fetch, Location
from gateway.providers.signatures.asymmetric import Rsa
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.template import Fixed, Message, Part, Template, header
from gateway.secret import Secret

if TYPE_CHECKING:
    from cryptography import x509

_END = b"-----END CERTIFICATE-----"


class Text(Protocol):
    """Where a text stands in a delivery."""

    @property
    def header(self) -> str | None:
        """The header that is read, in lower case."""
        ...

    def read(self, delivery: Delivery) -> str:
        """The text; `Unverified` where the delivery lacks it."""
        ...

    def put(self, delivery: Delivery, text: str) -> Delivery:
        """The delivery with the text in its place."""
        ...


@dataclass(frozen=True, slots=True)
class InHeader:
    """A header."""

    header: str

    def read(self, delivery: Delivery) -> str:
        """Its value."""
        return header(delivery, self.header)

    def put(self, delivery: Delivery, text: str) -> Delivery:
        """The delivery with the header."""
        return replace(delivery, headers=delivery.headers.with_(**{self.header: text}))


@dataclass(frozen=True, slots=True)
class InBody:
    """A key of the JSON object that the body is."""

    name: str
    header: ClassVar[None] = None

    def read(self, delivery: Delivery) -> str:
        """Its value, which has to be a text."""
        text = body_texts(delivery).get(self.name)
        if text is None:
            raise Unverified(f"the body has no {self.name}")
        return text

    def put(self, delivery: Delivery, text: str) -> Delivery:
        """The delivery with the key in its body; the JSON is written anew."""
        value = {**json.loads(delivery.body), self.name: text}
        return replace(delivery, body=json.dumps(value, separators=(",", ":")).encode())


@dataclass(frozen=True, slots=True)
class Identity:
    """A part of what is signed that stands in no delivery: the source's own secret, an id of it."""

    header: ClassVar[None] = None

    def render(self, message: Message) -> bytes:
        """Raises `Unverified`: a scheme that knows of it puts the secret here instead."""
        raise Unverified("a part of what is signed is not known to this scheme")


@dataclass(frozen=True, slots=True)
class FieldLines:
    """
    Keys of the JSON body and their values, each on a line of its own, where `kind` is one of `kinds`.

    Only the first value may hold a line feed: with two, text could be moved from the one to the other.
    """

    names: tuple[str, ...]
    kind: str
    kinds: tuple[str, ...]
    optional: frozenset[str] = frozenset()
    header: ClassVar[None] = None

    def render(self, message: Message) -> bytes:
        """The lines."""
        texts = body_texts(message.delivery)
        if texts.get(self.kind) not in self.kinds:
            raise Unverified(f"{self.kind} is not {' or '.join(self.kinds)}")
        if missing := [name for name in self.names if name not in texts and name not in self.optional]:
            raise Unverified(f"the body has no {missing[0]}")
        if any("\n" in texts.get(name, "") for name in self.names[1:]):
            raise Unverified("a signed value holds a line feed")
        lines = (f"{name}\n{texts[name]}\n" for name in self.names if name in texts)
        return "".join(lines).encode(errors="replace")


def body_texts(delivery: Delivery) -> dict[str, str]:
    """The texts of the JSON object that the body is; `Unverified` where it is none."""
    try:
        value = strict_json.read(delivery.body)
        if not isinstance(value, dict):
            raise Unverified("the body is not a JSON object")
        # Read one by one: a key that is there twice is refused.
        found = {name: strict_json.get(value, (name,)) for name in value}
    except Malformed as error:
        raise Unverified(f"there is no signature to check: {error.detail}") from None
    return {name: text for name, text in found.items() if isinstance(text, str)}


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateScheme:
    """
    An RSA signature by a certificate's key.

    `signature` and `url` say where the two stand, `location` where certificates may be, `names` is the
    pattern of the names that a certificate may be for. `templates` says what is signed; any may fit.
    `demands` are texts that have to be as written here: the version of the scheme above all. A source's
    secret is an id of its own: a part of what is signed (`Identity`), or the text at `identity`.
    """

    signature: Text
    url: Text
    location: Location
    names: str
    templates: tuple[Template, ...]
    demands: tuple[tuple[Text, str], ...] = ()
    identity: Text | None = None
    key_form: KeyForm
    material: bytes | None = None
    signed: bool = True

    @property
    def headers(self) -> frozenset[str]:
        """The headers that verification reads."""
        texts = (self.signature, self.url, *(text for text, _ in self.demands))
        parts = frozenset().union(*(template.headers for template in self.templates))
        return parts | {text.header for text in texts if text.header is not None}

    def key(self, secret: Secret) -> Secret:
        """The id as it is; `ValueError` for one of the wrong form."""
        return Secret(self.key_form.decode(secret))

    def needs(self, delivery: Delivery, keys: Sequence[Secret]) -> Fetch:
        """
        The certificate; `Unverified` where the delivery is not worth the fetch.

        What can be told without it is told first: nobody is sent out for a delivery that can't be genuine.
        """
        self._check(delivery)
        self._named(delivery, keys)
        return self.location.fetch(self.url.read(delivery))

    def given(self, material: bytes) -> CertificateScheme:
        """The scheme with the certificate, PEM text; the first counts where it comes with its chain."""
        return replace(self, material=material)

    def verify(self, delivery: Delivery, keys: Sequence[Secret], now: float) -> int:
        """The index of the key whose id is signed; raises `Unverified`."""
        if self.material is None:
            self.needs(delivery, keys)
            raise Unverified("there is no certificate to be had for it")
        self._check(delivery)
        public = self._certified(self.material, now)
        signature = self.signature.read(delivery)
        problem: Unverified | None = None
        for index in self._named(delivery, keys):
            for template in self.templates:
                try:
                    signed = self._with(template, keys[index]).render(Message(delivery))
                except Unverified as error:
                    problem = error
                    continue
                if Rsa().fits(public, signed, (signature,)):
                    return index
        raise problem or Unverified("the signature does not fit")

    def sign(self, delivery: Delivery, key: Secret, now: float) -> Delivery:
        """The delivery signed, where what was given holds the private key too; `ValueError` otherwise."""
        if self.identity is not None:
            delivery = self.identity.put(delivery, key.reveal().decode())
        for template in self.templates:
            try:
                signed = self._with(template, key).render(Message(delivery))
            except Unverified as error:
                problem = error
                continue
            return self.signature.put(delivery, Rsa().sign(self.material or b"", signed))
        raise ValueError(f"this can't be signed: {problem}")

    def _check(self, delivery: Delivery) -> None:
        for text, wanted in self.demands:
            if text.read(delivery) != wanted:
                raise Unverified(f"only {wanted} is taken: another version of the signature came")

    def _named(self, delivery: Delivery, keys: Sequence[Secret]) -> list[int]:
        """The places of the keys that this delivery can be for."""
        if self.identity is None:
            found = list(range(len(keys)))
        else:
            text = self.identity.read(delivery).encode()
            found = [place for place, key in enumerate(keys) if key.reveal() == text]
        if not found:
            raise Unverified("it is not for this source")
        return found

    def _with(self, template: Template, key: Secret) -> Template:
        parts: list[Part] = [
            Fixed(key.reveal().decode("latin-1")) if isinstance(part, Identity) else part
            for part in template.parts
        ]
        return Template(tuple(parts))

    def _certified(self, material: bytes, now: float) -> bytes:
        """The certificate, once it counts for one of the names at a time; `Unverified` otherwise."""
        pem, end, _ = material.partition(_END)
        try:
            certificate = _certificate(pem + end)
        except ValueError:
            raise Unverified("what stands at the certificate's URL is no certificate") from None
        moment = datetime.fromtimestamp(now, UTC)
        if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
            raise Unverified("the certificate is not in force")
        if certificate.issuer == certificate.subject:
            raise Unverified("the certificate is signed by its own key")
        if not any(re.fullmatch(self.names, name) for name in _names(certificate)):
            raise Unverified("the certificate is for another name")
        try:
            return Rsa().key(Secret(pem + end))
        except ValueError:
            raise Unverified("the certificate's key is not RSA of 2048 bits or more") from None


@lru_cache(maxsize=64)
def _certificate(pem: bytes) -> x509.Certificate:
    from cryptography import x509

    return x509.load_pem_x509_certificate(pem)


def _names(certificate: x509.Certificate) -> list[str]:
    """The names that a certificate is for: its alternative names, or its common name where it has none."""
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return extension.value.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, ValueError):
        attributes = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return [str(attribute.value) for attribute in attributes]
