"""What the simulated services remember, for as long as the process lives."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, TypeVar


@dataclass
class Payment:
    """One payment; `webhook_url` is None where its events go to the account's URL."""

    amount: int
    currency: str
    description: str
    webhook_url: str | None
    reference: str | None
    status: str = "pending"
    id: str = field(default_factory=lambda: f"pay_{secrets.token_hex(8)}")

    def shown(self) -> dict[str, Any]:
        """The payment as the API shows it: without its URL, which is nobody else's business."""
        names = ("id", "status", "amount", "currency", "description", "reference")
        return {name: getattr(self, name) for name in names}


@dataclass
class Check:
    """One identity check."""

    applicant: str
    webhook_url: str
    id: str = field(default_factory=lambda: f"chk_{secrets.token_hex(8)}")


@dataclass
class Email:
    """One e-mail in somebody's inbox."""

    to: str
    subject: str
    text: str
    link: str
    id: str = field(default_factory=lambda: f"eml_{secrets.token_hex(8)}")


Thing = TypeVar("Thing", Payment, Check, Email)


@dataclass
class World:
    """Everything there is, by id and in the order in which it came."""

    payments: dict[str, Payment] = field(default_factory=dict)
    account_url: str | None = None
    checks: dict[str, Check] = field(default_factory=dict)
    emails: dict[str, Email] = field(default_factory=dict)
    #: What each Idempotency-Key has made.
    _made: dict[str, Payment | Check | Email] = field(default_factory=dict)

    def once(self, key: str | None, new: Thing) -> tuple[Thing, bool]:
        """What an Idempotency-Key has made before, or the new thing; and whether it is the new one."""
        if key is None:
            return new, True
        made = self._made.setdefault(f"{type(new).__name__} {key}", new)
        assert isinstance(made, type(new))
        return made, made is new
