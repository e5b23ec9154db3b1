"""A delivery as its provider would sign it, or spoilt so that it has to be refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.delivery import Delivery
from gateway.errors import ConfigurationError, Unverified
from gateway.providers.base import Provider
from gateway.providers.signatures.ed25519 import Ed25519
from gateway.providers.signatures.scheme import HeaderScheme
from gateway.rules import Rules
from gateway.secret import Secret
from gateway.sending.events import reader_of
from gateway.sending.spoiling import STALE_SECONDS, tampered, verifies


@dataclass(frozen=True, slots=True)
class Signing:
    """
    A provider with the secrets given for it.

    `secrets` are as they were given, `keys` what the provider makes of them; none for one that signs nothing.
    `rules` are the source's, or else the provider's own.
    """

    provider: Provider
    rules: Rules
    secrets: Sequence[Secret] = field(repr=False)
    keys: Sequence[Secret] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ready:
    """A delivery to be sent, with what its first event is."""

    delivery: Delivery = field(repr=False)
    event: str
    id: str | None


def key_of(provider: Provider, secret: Secret) -> Secret:
    """The key of a secret; `ConfigurationError` for one of the wrong form."""
    try:
        return provider.key(secret)
    except ValueError as error:
        raise ConfigurationError(f"{provider.title}: {error}") from None


def signed(
    found: Signing, delivery: Delivery, now: float, *, stale: bool = False, tamper: bool = False
) -> Ready:
    """
    The delivery signed with the first key: `stale` as of a year ago, with `tamper` a signed digit changed.

    `ConfigurationError` where it can't be signed, and where spoiling it so would change nothing.
    """
    provider = found.provider
    if stale and tamper:
        raise ConfigurationError("either stale or tamper: one reason to be refused")
    (event, *_) = reader_of(provider).read(delivery)
    at = now - STALE_SECONDS if stale else now
    if provider.signed:
        try:
            delivery = provider.scheme.sign(delivery, found.keys[0], at)
        except (ValueError, Unverified) as error:
            raise ConfigurationError(f"{provider.title}: {error}; {_pair(provider)}") from None
    if stale and verifies(provider, delivery, found.keys, now):
        raise ConfigurationError(
            f"stale: {provider.title} signs no time, so an old delivery is as good as a new one"
        )
    if tamper:
        changed = tampered(provider, delivery, found.keys, now)
        if changed is None:
            raise ConfigurationError(
                f"tamper: {provider.title} signs nothing of the body, so a changed one is as good: "
                "its events are notifications"
            )
        delivery = changed
    return Ready(delivery, event.type, event.id)


def _pair(provider: Provider) -> str:
    """What to do where the secret that is there is a public key."""
    scheme = provider.scheme
    algorithms = [one for _, one in scheme.algorithms] if isinstance(scheme, HeaderScheme) else []
    made = (
        f"file:key.txt: 32 bytes of seed and the 32 of the public key, in {algorithms[0].key_encoding}"
        if algorithms and isinstance(algorithms[0], Ed25519)
        else "file:key.pem (openssl genpkey -algorithm RSA, or -algorithm EC -pkeyopt "
        "ec_paramgen_curve:P-256 where that is the kind)"
    )
    return (
        "to sign, make a pair of your own, put the public key into a source's secrets, and give the private "
        f"one as the secret, {made}"
    )
