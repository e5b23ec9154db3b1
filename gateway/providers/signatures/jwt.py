"""
A signed token (JWT, RFC 7519) that comes along, in place of a signature.

What it protects is what its claims say: a hash of the body or of the URL where there is one, and otherwise
nothing but who sends. The algorithms are the declaration's, never the token's own choice; times are judged
by the `now` that is handed in. PyJWT is loaded when a token is checked, and not before.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

from gateway.delivery import Delivery
from gateway.errors import Stale, Unverified
from gateway.providers.fetch import Fetch
from gateway.providers.signatures.digest import KeyForm
from gateway.providers.signatures.template import header
from gateway.secret import Secret

_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KEY_ID = re.compile(r"[\x21-\x7e]{1,128}")
#: Clocks that are not quite the same.
_LEEWAY = 10
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi"})
#: An HMAC key shorter than the hash is filled with zeros anyway (RFC 2104); PyJWT warns of it.
_HMAC_BYTES = 64


class KeySource(Protocol):
    """Where a provider publishes the keys that it signs with."""

    def request(self, key_id: str, keys: Sequence[Secret]) -> Fetch:
        """What to fetch for a key; `keys` are the source's own secrets."""
        ...

    def keys(self, material: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The keys (JWK, RFC 7517) in what was fetched."""
        ...


@dataclass(frozen=True, slots=True)
class JwkSet:
    """A set of keys at a fixed URL (RFC 7517, section 5)."""

    url: str
    keep: timedelta = timedelta(days=1)

    def request(self, key_id: str, keys: Sequence[Secret]) -> Fetch:
        """The whole set, whichever key is wanted."""
        return Fetch(self.url, self.keep)

    def keys(self, material: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """The keys of the set."""
        found = material.get("keys")
        return [key for key in found if isinstance(key, dict)] if isinstance(found, list) else []


@dataclass(frozen=True, kw_only=True, slots=True)
class JwtScheme:
    """
    A JSON Web Token in a header. `prefix` stands in front of it.

    The source's secret is the HMAC key; with `published`, where the provider's keys are fetched, it is the
    text that the claim `subject` has to have. `audience` wants `aud` to be the URL that was given out.
    `issuers` and `demands` are what claims have to be. `body_hash` and `url_hash` name the claims with
    SHA-256 in hex: of the body (needed unless there is none) and of the URL. A token counts from `iat`
    (or `nbf`) for `max_age`, and never past its `exp`; one of the two has to bound it.
    """

    header: str
    algorithms: tuple[str, ...]
    prefix: str = ""
    published: KeySource | None = None
    key_form: KeyForm
    issuers: tuple[str, ...] = ()
    subject: str | None = None
    demands: tuple[tuple[str, bool | str], ...] = ()
    audience: bool = False
    body_hash: str | None = None
    url_hash: str | None = None
    max_age: timedelta | None = timedelta(minutes=5)
    material: bytes | None = None
    signed: bool = True

    @property
    def headers(self) -> frozenset[str]:
        """The header that verification reads."""
        return frozenset({self.header})

    def key(self, secret: Secret) -> Secret:
        """The key of a secret; `ValueError` for one of the wrong form."""
        data = self.key_form.decode(secret)
        return Secret(data if self.published else data.ljust(_HMAC_BYTES, b"\x00"))

    def needs(self, delivery: Delivery, keys: Sequence[Secret]) -> Fetch | None:
        """The provider's keys; None where the secret is the key, `Unverified` for what is no such token."""
        if self.published is None:
            return None
        _, head = self._token(delivery)
        if not keys:
            raise Unverified("the source has no secret")
        return self.published.request(_key_id(head), keys)

    def given(self, material: bytes) -> JwtScheme:
        """The scheme with the provider's keys, the JSON text that was fetched."""
        return replace(self, material=material)

    def verify(self, delivery: Delivery, keys: Sequence[Secret], now: float) -> int:
        """The index of the key that signed the token, or that it is for; raises `Unverified`."""
        token, head = self._token(delivery)
        if self.published is not None:
            if self.material is None:
                self.needs(delivery, keys)
                raise Unverified("the provider has no such key")
            claims = _decoded(token, self._published(head), self.algorithms)
            if claims is None:
                raise Unverified("the token's signature does not fit")
            self._check(claims, delivery, now)
            return self._meant(claims, keys)
        for index, key in enumerate(keys):
            claims = _decoded(token, key.reveal(), self.algorithms)
            if claims is not None:
                self._check(claims, delivery, now)
                return index
        raise Unverified("the token's signature does not fit")

    def sign(self, delivery: Delivery, key: Secret, now: float) -> Delivery:
        """The delivery with a token; `ValueError` where what was fetched holds no private key."""
        import jwt

        claims: dict[str, Any] = {name: int(now) for name in ("iat", "nbf")}
        claims |= {"exp": int(now) + 300, **dict(self.demands)}
        if self.issuers:
            claims["iss"] = self.issuers[0]
        if self.subject:
            claims[self.subject] = key.reveal().decode()
        if self.audience:
            claims["aud"] = delivery.url.partition("?")[0]
        if self.body_hash and delivery.body:
            claims[self.body_hash] = hashlib.sha256(delivery.body).hexdigest()
        if self.url_hash:
            claims[self.url_hash] = hashlib.sha256(delivery.url.encode()).hexdigest()
        with_key: Any = key.reveal()
        more = None
        if self.published is not None:
            (found,) = self.published.keys(json.loads(self.material or b"{}"))
            with_key, more = jwt.PyJWK(dict(found), self.algorithms[0]).key, {"kid": found["kid"]}
        token = jwt.encode(claims, with_key, self.algorithms[0], more)
        return replace(delivery, headers=delivery.headers.with_(**{self.header: self.prefix + token}))

    def _token(self, delivery: Delivery) -> tuple[str, Mapping[str, Any]]:
        """The token and its own header, which nothing has vouched for yet."""
        import jwt

        text = header(delivery, self.header)
        token = text.removeprefix(self.prefix)
        if not text.startswith(self.prefix) or not _TOKEN.fullmatch(token):
            raise Unverified(f"the header {self.header} is not {self.prefix}and a token")
        try:
            head = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise Unverified("the token can't be read") from None
        if head.get("alg") not in self.algorithms:
            raise Unverified(f"the token is not signed with {' or '.join(self.algorithms)}")
        return token, head

    def _published(self, head: Mapping[str, Any]) -> Any:
        """The published key that a token names."""
        import jwt

        wanted = _key_id(head)
        try:
            material = json.loads(self.material or b"")
        except (ValueError, RecursionError):
            material = None
        if not isinstance(material, dict) or self.published is None:
            raise Unverified("what was fetched holds no keys")
        found = [key for key in self.published.keys(material) if key.get("kid") == wanted]
        if len(found) != 1:
            raise Unverified("the token names a key that the provider does not publish")
        public = {name: value for name, value in found[0].items() if name not in _PRIVATE}
        try:
            return jwt.PyJWK(public, head["alg"])
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            raise Unverified("the published key can't be read") from None

    def _check(self, claims: Mapping[str, Any], delivery: Delivery, now: float) -> None:
        """Raise `Unverified` for claims that don't fit this delivery at this time."""
        if self.issuers and claims.get("iss") not in self.issuers:
            raise Unverified("the token is another issuer's")
        for name, wanted in self.demands:
            if claims.get(name) != wanted or type(claims.get(name)) is not type(wanted):
                raise Unverified(f"the token's {name} is not {wanted}")
        if self.audience and claims.get("aud") not in (delivery.url, delivery.url.partition("?")[0]):
            raise Unverified("the token is for another URL")
        self._check_time(claims, now)
        for name, content in self._hashed(delivery):
            given = claims.get(name)
            if content is None:
                if given is not None:
                    raise Unverified(f"the token has {name}, and there is no body")
            elif not isinstance(given, str) or not hmac.compare_digest(
                given.encode(errors="replace"), hashlib.sha256(content).hexdigest().encode()
            ):
                raise Unverified(f"the token's {name} does not fit")

    def _hashed(self, delivery: Delivery) -> Iterator[tuple[str, bytes | None]]:
        if self.url_hash:
            yield self.url_hash, delivery.url.encode(errors="replace")
        if self.body_hash:
            yield self.body_hash, delivery.body or None

    def _check_time(self, claims: Mapping[str, Any], now: float) -> None:
        times = {name: claims[name] for name in ("iat", "nbf", "exp") if name in claims}
        for name, value in times.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise Unverified(f"the token's {name} is no time")
        start = times.get("iat", times.get("nbf"))
        if self.max_age is None:
            if "exp" not in times:
                raise Unverified("the token has no end")
        elif start is None:
            raise Unverified("the token does not say when it was signed")
        elif not now - self.max_age.total_seconds() <= start:
            raise Stale("the token is too old")
        if any(times[name] > now + _LEEWAY for name in ("iat", "nbf") if name in times):
            raise Stale("the token is of the future")
        if "exp" in times and not now - _LEEWAY < times["exp"]:
            raise Stale("the token has ended")

    def _meant(self, claims: Mapping[str, Any], keys: Sequence[Secret]) -> int:
        """The index of the secret that a published key's token is for."""
        if self.subject is None:
            return 0
        for index, key in enumerate(keys):
            text = claims.get(self.subject)
            if isinstance(text, str) and text.encode(errors="replace") == key.reveal():
                return index
        raise Unverified(f"the token's {self.subject} is not this source's")


def _key_id(head: Mapping[str, Any]) -> str:
    found = head.get("kid")
    if not isinstance(found, str) or not _KEY_ID.fullmatch(found):
        raise Unverified("the token names no key")
    return found


def _decoded(token: str, key: Any, algorithms: Sequence[str]) -> dict[str, Any] | None:
    """The claims of a token that a key signed; None where it did not. Times are judged elsewhere."""
    import jwt

    try:
        claims = json.loads(jwt.PyJWS().decode(token, key, list(algorithms)))
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None
