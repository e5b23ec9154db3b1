"""IDCheck, a service that looks at identity documents and says later what it saw."""

from __future__ import annotations

import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Header, HTTPException
from pydantic import BaseModel

from simulator.sending import Sender, Simulated
from simulator.signatures import hex_digest
from simulator.world import Check, World


class NewCheck(BaseModel):
    """Whom to check, and where to say what came out."""

    applicant: str
    webhook_url: str


class Result(BaseModel):
    """What came out."""

    result: Literal["clear", "rejected"]
    reason: str | None = None


def router(world: World, sender: Sender, secret: str) -> APIRouter:
    """IDCheck's routes; `secret` is the text that it signs with."""
    routes = APIRouter(prefix="/v1/checks")

    @routes.post("", status_code=201)
    async def create(
        new: NewCheck, idempotency_key: Annotated[str | None, Header()] = None
    ) -> dict[str, str]:
        check, _ = world.once(idempotency_key, Check(**new.model_dump()))
        world.checks[check.id] = check
        return {"id": check.id}

    @routes.get("")
    async def listed(applicant: str) -> list[dict[str, str]]:
        checks = (check for check in world.checks.values() if check.applicant == applicant)
        return [{"id": check.id, "applicant": check.applicant} for check in checks]

    @routes.post("/{check_id}/simulate")
    async def simulate(check_id: str, came_out: Result) -> Simulated:
        check = world.checks.get(check_id)
        if check is None:
            raise HTTPException(404, f"there is no check {check_id}")
        event_id = f"evt_{secrets.token_hex(12)}"
        payload = {
            "event_id": event_id,
            "type": f"check.{came_out.result}",
            "data": {"id": check.id, "applicant": check.applicant, **came_out.model_dump()},
        }
        answers = await sender.send(check.webhook_url, lambda: hex_digest(secret, payload))
        return Simulated(event_id=event_id, answers=answers)

    return routes
