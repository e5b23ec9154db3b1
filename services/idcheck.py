"""IDCheck, a service that looks at identity documents and says later what it saw."""

from __future__ import annotations

from pydantic import BaseModel

from services.outside import post


class Check(BaseModel):
    """A check of one applicant."""

    id: str
    applicant: str
    result: str
    reason: str | None = None


class CheckEvent(BaseModel):
    """What IDCheck's webhook says of a check."""

    type: str
    data: Check


async def start_check(applicant: str, webhook_url: str, *, idempotency_key: str) -> str:
    """Ask for a check; its id."""
    body = {"applicant": applicant, "webhook_url": webhook_url}
    answer = await post("IDCHECK_URL", "/v1/checks", body, idempotency_key=idempotency_key)
    return str(answer["id"])
