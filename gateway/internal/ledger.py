"""What ops ask of the ledger that only the process that owns it can do."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.internal.clients import AuthenticatedCaller, RunningGateway
from gateway.ledger import forgetting
from gateway.log import logger

router = APIRouter(prefix="/v1")

_WRITE_SECONDS = 5.0


class ForgottenView(BaseModel):
    """
    A callback whose data is gone, and how many deliveries and events lost theirs.

    `overwritten`: the bytes stand in none of the ledger's files any more. Where not, the sweep sees to it
    within minutes (SQLite), or the next VACUUM (PostgreSQL).
    """

    id: str
    deliveries: int
    events: int
    overwritten: bool


@router.delete("/callbacks/{callback_id}/data", summary="Forget a callback's data for good")
async def forget_callback(
    callback_id: str, gateway: RunningGateway, caller: AuthenticatedCaller
) -> ForgottenView:
    """
    Remove what came for a callback and what its client said of it: bodies, headers, metadata, label,
    approval, aliases. What a repeat is known by stays. 409 while the callback is open or something is owed.
    """
    operation = forgetting.forget(callback_id, caller.owner, gateway.clock())
    forgotten = await gateway.ledger.write(operation, _WRITE_SECONDS)
    overwritten = await forgetting.overwrite(gateway.ledger)
    logger.info("forgotten", callback=callback_id, client=caller.name, overwritten=overwritten)
    return ForgottenView(
        id=callback_id,
        deliveries=forgotten.deliveries,
        events=forgotten.events,
        overwritten=overwritten,
    )
