"""What a provider could send now: a sample of the type that is asked for, with values of one's own."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from gateway import samples
from gateway.delivery import Delivery
from gateway.errors import ConfigurationError
from gateway.providers.base import Provider
from gateway.providers.hmac import NAME as HMAC
from gateway.providers.reader import FieldReader
from gateway.providers.rewriting import place
from gateway.providers.sampling import filled, fresh, retyped, with_object, with_reference
from gateway.rules import Rules


def reader_of(provider: Provider) -> FieldReader:
    """The reader of a provider's samples; `ConfigurationError` where it is one that no sample is for."""
    if not isinstance(provider.reader, FieldReader):
        raise ConfigurationError(
            f"{provider.title}'s events are read by a reader of its own: no sample of it"
        )
    return provider.reader


def sample(provider: Provider, rules: Rules, event: str, url: str, now: float) -> Delivery:
    """
    A fresh sample for a URL, not signed yet, with ids of its own.

    `event` is its type, or `success` or `failure` for one that ends a wait so; `rules` are the source's.
    Raises `ConfigurationError` with the types that there are, where none of that type can be made.
    """
    reader = reader_of(provider)
    found = {kind: samples.load(provider.name, kind, url) for kind in samples.KINDS}
    if provider.name == HMAC:
        # Where its values stand, and what they are, is the source's own choice.
        for kind, patterns in zip(samples.KINDS, (rules.succeed_on, rules.fail_on), strict=True):
            named = next((name for name in patterns if not name.endswith("*")), kind)
            found[kind] = filled(found[kind], reader, named)
    types = {kind: [one.type for one in reader.read(delivery)] for kind, delivery in found.items()}
    chosen = next((found[kind] for kind in found if event == kind or event in types[kind]), None)
    if chosen is None and not get_close_matches(event, samples.KINDS, cutoff=0.8):
        ending = event in (*provider.fail_on, *provider.fail_on_optional)
        order = samples.KINDS[::-1] if ending else samples.KINDS
        written = (retyped(found[kind], reader, event) for kind in order)
        chosen = next((one for one in written if one is not None), None)
    if chosen is None:
        known = ", ".join(dict.fromkeys(["success", "failure", *types["success"], *types["failure"]]))
        raise ConfigurationError(f'there is no sample of "{event}" from {provider.title}; there are {known}')
    return fresh(chosen, reader, secrets.token_hex(16), now)


def completed(
    provider: Provider,
    delivery: Delivery,
    reference: str | None = None,
    about: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> Delivery:
    """
    The delivery with a callback's reference in the provider's field for it, with `about` as the id of the
    provider's object, and with values at paths of its body (`data.object.amount`) or in `header:NAME`.

    `ConfigurationError` where there is no such place in it.
    """
    reader = reader_of(provider)
    what = "reference"
    try:
        if reference is not None:
            delivery = with_reference(delivery, reader, reference)
        what = "about"
        if about is not None:
            delivery = with_object(delivery, reader, about)
    except ValueError as error:
        raise ConfigurationError(f"{what}: {provider.title}: {error}") from None
    for path, value in (values or {}).items():
        name = path.removeprefix("header:")
        try:
            delivery = place(delivery, reader, name, value, header=name != path)
        except ValueError as error:
            raise ConfigurationError(f"set: {error}") from None
    return delivery
