"""`/v1/keys`: the signing keys, which gateway has which in force, and who changed them. Never a secret."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.internal.clients import AuthenticatedCaller, RunningGateway
from gateway.keyring import Status
from gateway.ledger import keychanges, replicas

router = APIRouter(prefix="/v1/keys")


class KeyView(BaseModel):
    """A signing key, by its fingerprint. `successor`: where a revoked key's open callbacks went."""

    id: str
    status: Status
    fingerprint: str
    created_at: datetime
    revoked_at: datetime | None
    successor: str | None


class LoadedView(BaseModel):
    """A key as a gateway has it in force."""

    status: Status
    fingerprint: str


class ReplicaView(BaseModel):
    """
    A gateway on this ledger, by its host and process, with its keys by id.

    `error`: why it did not take a newer key file. `silent`: seconds since it last reported.
    """

    name: str
    keys: dict[str, LoadedView]
    error: str | None
    silent: float


class ChangeView(BaseModel):
    """A change of a key: who did what, and when."""

    at: datetime
    key_id: str
    action: str
    by: str


@router.get("", summary="The signing keys")
async def keys(gateway: RunningGateway, caller: AuthenticatedCaller) -> list[KeyView]:
    """Each key that this gateway has in force, with its status and fingerprint."""
    fields = KeyView.model_fields
    return [KeyView(**{name: getattr(key, name) for name in fields}) for key in gateway.ring.keys]


@router.get("/replicas", summary="Which gateway has which keys in force")
async def list_replicas(gateway: RunningGateway, caller: AuthenticatedCaller) -> list[ReplicaView]:
    """The gateways that share this ledger and serve."""
    return [
        ReplicaView(
            name=one.name,
            keys={
                key_id: LoadedView(status=key.status, fingerprint=key.fingerprint)
                for key_id, key in one.keys.items()
            },
            error=one.error,
            silent=one.silent,
        )
        for one in await gateway.ledger.read(replicas.live)
    ]


@router.get("/changes", summary="Who changed the signing keys")
async def list_changes(gateway: RunningGateway, caller: AuthenticatedCaller) -> list[ChangeView]:
    """Every change of a key, oldest first."""
    return [
        ChangeView(at=one.at, key_id=one.key_id, action=one.action, by=one.by)
        for one in await gateway.ledger.read(keychanges.history)
    ]
