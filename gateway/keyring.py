"""
Signing keys: each has an id and a status, exactly one is primary and signs.

A new key is added, which verifies only, and promoted once every gateway has it; an old one is retired when
no open callback needs it any more, or revoked at once when it has leaked.

From a key's secret bytes come, by HKDF, the keys that do the work: one for each purpose and only for
this deployment's name. A token of one purpose or one deployment is worth nothing for another.
"""

from __future__ import annotations

import binascii
import hmac
import re
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import ConfigurationError
from gateway.secret import Secret

#: 256 bits: what HMAC-SHA-256 and AES-SIV with 256 bits of strength need; more gives nothing.
SECRET_BYTES = 32
#: A key id travels in each URL, so it is short.
KEY_ID = re.compile(r"[a-z0-9]{1,16}")
_TO_URL = bytes.maketrans(b"+/", b"-_")
#: So many changes stay in a key file; a gateway takes each into its ledger within seconds.
_CHANGES = 100


class Status(StrEnum):
    """
    `primary` signs and verifies, `enabled` verifies, `disabled` does nothing.

    `revoked` does nothing either, and no callback may stay open under it: it has leaked.
    """

    PRIMARY = "primary"
    ENABLED = "enabled"
    DISABLED = "disabled"
    REVOKED = "revoked"

    @property
    def verifies(self) -> bool:
        """Whether URLs signed with such a key are taken."""
        return self in (Status.PRIMARY, Status.ENABLED)


class Purpose(StrEnum):
    """What a token is for. Each purpose has keys of its own."""

    CALLBACK = "callback"
    APPROVAL = "approval"
    #: The proof that a decision was made on a page that this gateway has shown.
    APPROVAL_FORM = "approval-form"
    #: What `gateway doctor` sends through the proxy in front.
    PROBE = "probe"


@dataclass(frozen=True)
class WorkingKeys:
    """
    What tokens of one purpose are made with: HMAC-SHA-256 to sign, and AES-SIV (RFC 5297) to seal.

    `mac` has read the key and nothing else: a copy of it signs, at half the cost of reading the key again.
    """

    mac: hmac.HMAC
    seal: AESSIV

    @classmethod
    def of(cls, key: Key, deployment: str, purpose: Purpose) -> WorkingKeys:
        """Derive both from a key."""
        return cls(
            hmac.new(key.derive(deployment, f"sign/{purpose}", 32), digestmod="sha256"),
            # AES-SIV takes two AES-256 keys in one: 64 bytes.
            AESSIV(key.derive(deployment, f"seal/{purpose}", 64)),
        )

    def signature(self, text: str) -> str:
        """What itsdangerous' `Signer` signs a text with, at a third of its cost: base64url, not padded."""
        mac = self.mac.copy()
        mac.update(text.encode())
        return binascii.b2a_base64(mac.digest(), newline=False).translate(_TO_URL).rstrip(b"=").decode()

    def __repr__(self) -> str:
        return "<WorkingKeys>"


@dataclass(frozen=True)
class Key:
    """
    A signing key. Two keys with the same id and other bytes are a substitution, never a rotation.

    `revoked_at` is there where it is revoked; `successor` is then the key that its open callbacks go to, and
    None where they are closed.
    """

    id: str
    secret: Secret
    status: Status
    created_at: datetime
    revoked_at: datetime | None = None
    successor: str | None = None

    def __post_init__(self) -> None:
        if not KEY_ID.fullmatch(self.id):
            raise ConfigurationError(f'key id "{self.id[:40]}": 1 to 16 of a-z and 0-9 are needed')
        if len(self.secret) != SECRET_BYTES:
            raise ConfigurationError(
                f"key {self.id}: {len(self.secret)} bytes of secret, {SECRET_BYTES} are needed"
            )
        if self.created_at.tzinfo is None:
            raise ConfigurationError(f"key {self.id}: created_at needs a time zone, a Z at its end say")
        if (self.revoked_at is not None) != (self.status is Status.REVOKED):
            raise ConfigurationError(f"key {self.id}: a revoked key, and no other, has revoked_at")
        if self.revoked_at is not None and self.revoked_at.tzinfo is None:
            raise ConfigurationError(f"key {self.id}: revoked_at needs a time zone, a Z at its end say")
        if self.successor is not None and self.status is not Status.REVOKED:
            raise ConfigurationError(f"key {self.id}: only a revoked key has a successor")

    @property
    def fingerprint(self) -> str:
        """Tells two keys apart without giving one away."""
        return self.secret.fingerprint

    def derive(self, deployment: str, label: str, length: int) -> bytes:
        """`length` bytes for one use: HKDF-SHA-256 (RFC 5869) with deployment and label as its info."""
        info = f"webhook-gateway\0{deployment}\0{label}".encode()
        return HKDF(SHA256(), length, salt=None, info=info).derive(self.secret.reveal())


@dataclass(frozen=True, order=True)
class Change:
    """Who did what to a key, and when. `action` is the command's verb: `add`, `promote`, …"""

    at: datetime
    key_id: str
    action: str
    by: str

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ConfigurationError(f"changes: {self.key_id}: at needs a time zone, a Z at its end say")


@dataclass(frozen=True)
class KeyRing:
    """
    The keys of a deployment, in the order in which they were added, and the last changes of them.

    Raises `ConfigurationError` for a ring without exactly one primary key or with an id used twice.
    """

    keys: tuple[Key, ...]
    deployment: str
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        ids = [key.id for key in self.keys]
        twice = {key_id for key_id in ids if ids.count(key_id) > 1}
        if twice:
            raise ConfigurationError(f"the key id {min(twice)} is there more than once")
        primaries = [key.id for key in self.keys if key.status is Status.PRIMARY]
        if len(primaries) != 1:
            raise ConfigurationError(
                f"exactly one key must be primary, here it is {', '.join(primaries) or 'none'}"
            )
        for key in self.keys:
            if key.successor is not None and (key.successor == key.id or key.successor not in ids):
                raise ConfigurationError(f"key {key.id}: its successor has to be another key that is there")

    @cached_property
    def primary(self) -> Key:
        """The key that signs."""
        return next(key for key in self.keys if key.status is Status.PRIMARY)

    @cached_property
    def _verifying(self) -> dict[str, Key]:
        return {key.id: key for key in self.keys if key.status.verifies}

    def verifying(self, key_id: str) -> Key | None:
        """The key with an id, if it may verify."""
        return self._verifying.get(key_id)

    def key(self, key_id: str) -> Key | None:
        """The key with an id, whatever its status."""
        return next((key for key in self.keys if key.id == key_id), None)

    @cached_property
    def _working(self) -> dict[tuple[str, Purpose], WorkingKeys]:
        return {}

    def working(self, key: Key, purpose: Purpose) -> WorkingKeys:
        """What tokens of a purpose are made with under a key of this ring; derived once."""
        found = self._working.get((key.id, purpose))
        if found is None:
            found = self._working[key.id, purpose] = WorkingKeys.of(key, self.deployment, purpose)
        return found

    @property
    def waiting(self) -> Key | None:
        """The key that was added last and not promoted yet: a rotation that is on its way."""
        newest = self.keys[-1]
        return newest if newest.status is Status.ENABLED else None

    def add(self, key: Key) -> KeyRing:
        """A ring with one key more."""
        return replace(self, keys=(*self.keys, key))

    def promote(self, key_id: str) -> KeyRing:
        """A ring whose primary is the key with that id; the old primary goes on verifying."""
        self._known(key_id, "promoted", not_in=(Status.DISABLED, Status.REVOKED))

        def status(key: Key) -> Status:
            if key.id == key_id:
                return Status.PRIMARY
            return Status.ENABLED if key.status is Status.PRIMARY else key.status

        return replace(self, keys=tuple(replace(key, status=status(key)) for key in self.keys))

    def retire(self, key_id: str) -> KeyRing:
        """A ring in which the key with that id does nothing any more."""
        key = self._known(key_id, "retired", not_in=(Status.PRIMARY, Status.REVOKED))
        return self._with(replace(key, status=Status.DISABLED))

    def revoke(self, key_id: str, at: datetime, reissue: bool) -> KeyRing:
        """
        A ring in which the key with that id is known to have leaked.

        Its open callbacks are closed, or with `reissue` signed again with the primary key.
        """
        key = self._known(key_id, "revoked", not_in=(Status.PRIMARY, Status.REVOKED))
        successor = self.primary.id if reissue else None
        return self._with(replace(key, status=Status.REVOKED, revoked_at=at, successor=successor))

    def noted(self, change: Change) -> KeyRing:
        """A ring that says who made it so; of the changes before it holds the last ones."""
        return replace(self, changes=(*self.changes, change)[-_CHANGES:])

    def _with(self, changed: Key) -> KeyRing:
        return replace(self, keys=tuple(changed if key.id == changed.id else key for key in self.keys))

    def _known(self, key_id: str, action: str, not_in: tuple[Status, ...]) -> Key:
        key = self.key(key_id)
        if key is None:
            known = ", ".join(key.id for key in self.keys)
            raise ConfigurationError(f"there is no key {key_id}; there are {known}")
        if key.status in not_in:
            raise ConfigurationError(f"key {key_id} is {key.status}: it cannot be {action}")
        return key
