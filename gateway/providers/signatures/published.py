"""Ed25519 signatures by any of the keys that a provider publishes as a set (JWK, RFC 8037)."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.delivery import Delivery
from gateway.errors import Unverified
from gateway.providers.fetch import Fetch
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.ed25519 import Ed25519
from gateway.providers.signatures.template import Header, Message, Template, header
from gateway.providers.signatures.timestamp import Timestamp
from gateway.secret import Secret

#: A provider publishes two while it changes from the one to the other.
_MAX_KEYS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedScheme:
    """
    A signature in a header, in hex, by a key of the set at `keys`.

    Everybody's deliveries are signed with the same keys: `owner` is a header that is signed and has to be
    the source's own secret, an id of its account.
    """

    header: str
    keys: Fetch
    owner: Header
    template: Template
    timestamp: Timestamp
    key_form: KeyForm
    material: bytes | None = None
    signed: bool = True

    def __post_init__(self) -> None:
        if not {self.owner, self.timestamp.source} <= set(self.template.parts):
            raise ValueError("what is not signed proves nothing: the template needs the owner and the time")

    @property
    def headers(self) -> frozenset[str]:
        """The headers that verification reads."""
        return self.template.headers | {self.header}

    def key(self, secret: Secret) -> Secret:
        """The account's id as it is; `ValueError` for one of the wrong form."""
        return Secret(self.key_form.decode(secret))

    def needs(self, delivery: Delivery, keys: Sequence[Secret]) -> Fetch:
        """The set of keys; `Unverified` where the delivery is another account's."""
        self._own(delivery, keys)
        header(delivery, self.header)
        return self.keys

    def given(self, material: bytes) -> PublishedScheme:
        """The scheme with the set of keys, as JSON text."""
        return replace(self, material=material)

    def verify(self, delivery: Delivery, keys: Sequence[Secret], now: float) -> int:
        """The index of the account's id; raises `Unverified`."""
        index = self._own(delivery, keys)
        message = Message(delivery)
        signature, signed = header(delivery, self.header), self.template.render(message)
        if not any(_HEX.fits(key, signed, (signature,)) for key in self._published("x")):
            raise Unverified("no published key's signature fits")
        self.timestamp.check(message, now)
        return index

    def sign(self, delivery: Delivery, key: Secret, now: float) -> Delivery:
        """The delivery signed, where what was given holds the private key too; `ValueError` otherwise."""
        assert isinstance(self.timestamp.source, Header)
        values = {
            self.timestamp.source.name: self.timestamp.text(now),
            self.owner.name: key.reveal().decode(),
        }
        delivery = replace(delivery, headers=delivery.headers.with_(**values))
        (seed,), (public,) = self._published("d"), self._published("x")
        text = _HEX.sign(seed + public, self.template.render(Message(delivery)))
        return replace(delivery, headers=delivery.headers.with_(**{self.header: text}))

    def _own(self, delivery: Delivery, keys: Sequence[Secret]) -> int:
        owner = header(delivery, self.owner.name).encode()
        for index, key in enumerate(keys):
            if key.reveal() == owner:
                return index
        raise Unverified("it is not for this source's account")

    def _published(self, part: str) -> list[bytes]:
        """The 32 bytes of each key's part; `Unverified` where no keys were fetched."""
        try:
            found = [
                base64.urlsafe_b64decode(f"{key[part]}=") for key in json.loads(self.material or b"")["keys"]
            ]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise Unverified("what was fetched holds no keys") from None
        return [key for key in found[:_MAX_KEYS] if len(key) == 32]


_HEX = Ed25519(signature="hex")
