"""A signature in one field of a form, over the text of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.delivery import Delivery
from gateway.errors import Unverified
from gateway.providers import form
from gateway.providers.signatures.algorithm import Algorithm
from gateway.providers.signatures.grammar import MAX_CANDIDATES, MAX_HEADER, Grammar
from gateway.secret import Secret


@dataclass(frozen=True, kw_only=True, slots=True)
class FormScheme:
    """
    Signatures in the field `signature` over the value of the field `covered`, each behind its key's name.

    A secret is that name, "|" and the key. `endings` are what a signer may have signed behind the value.
    """

    signature: str
    covered: str
    grammar: Grammar
    algorithm: Algorithm
    endings: tuple[bytes, ...] = (b"",)
    signed: bool = True
    headers: frozenset[str] = frozenset({"content-type"})

    def key(self, secret: Secret) -> Secret:
        """The name, "|" and the key bytes; `ValueError` for a secret of the wrong form."""
        name, _, text = secret.reveal().partition(b"|")
        if secret.reveal() and not (name and text):
            raise ValueError('the secret is the public key, "|" and the private key')
        return Secret(name + b"|" + self.algorithm.key(Secret(text)))

    def verify(self, delivery: Delivery, keys: Sequence[Secret], now: float) -> int:
        """The index of the key that signed the delivery; raises `Unverified`."""
        fields = self._fields(delivery)
        if len(fields[self.signature]) > MAX_HEADER:
            raise Unverified(f"{self.signature} is longer than {MAX_HEADER} characters")
        pairs = self.grammar.parse(fields[self.signature])
        if len(pairs) > MAX_CANDIDATES:
            raise Unverified(f"there are more than {MAX_CANDIDATES} signatures")
        signed = fields[self.covered].encode()
        for index, secret in enumerate(keys):
            name, _, key = secret.reveal().partition(b"|")
            candidates = [text for found, text in pairs if found.encode() == name]
            if any(self.algorithm.fits(key, signed + ending, candidates) for ending in self.endings):
                return index
        raise Unverified("no signature fits")

    def _fields(self, delivery: Delivery) -> dict[str, str]:
        """The two fields, each of which has to be there once; `Unverified` otherwise."""
        if delivery.media_type != form.MEDIA_TYPE:
            raise Unverified("the body is not a form")
        try:
            pairs = form.parse(delivery.body)
        except ValueError:
            raise Unverified("the body is not a form") from None
        found = {}
        for name in (self.signature, self.covered):
            values = [value for key, value in pairs if key == name]
            if len(values) != 1:
                raise Unverified(f"the form has {name} {len(values)} times")
            found[name] = values[0]
        return found

    def sign(self, delivery: Delivery, key: Secret, now: float) -> Delivery:
        """The delivery with its signature."""
        value = dict(form.parse(delivery.body))[self.covered]
        name, _, data = key.reveal().partition(b"|")
        signature = self.algorithm.sign(data, value.encode())
        text = self.grammar.write(((name.decode(), signature),))
        return form.with_value(delivery, self.signature, text)
