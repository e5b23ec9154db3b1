"""AcmePay, a payment provider: its API, and what it says when the world moves a payment on."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Response
from pydantic import BaseModel, Field

from simulator.sending import Sender, Simulated
from simulator.signatures import Fault, Signed, standard_webhook
from simulator.world import Payment, World


class NewPayment(BaseModel):
    """What a customer is to pay, in minor units (cents)."""

    amount: Annotated[int, Field(gt=0)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    description: str = ""
    webhook_url: str | None = None
    reference: str | None = None


class Account(BaseModel):
    """The account's own settings."""

    webhook_url: str


class Simulation(BaseModel):
    """What happens to a payment: an event, how often it is sent at once, and what is wrong with it."""

    event: Annotated[str, Field(pattern=r"^payment\.[a-z_]+$")]
    reason: str | None = None
    times: Annotated[int, Field(ge=1, le=100)] = 1
    fault: Fault | None = None
    retry: bool = True
    background: bool = False


def router(world: World, sender: Sender, secret: str) -> APIRouter:
    """AcmePay's routes; `secret` is its `whsec_…` signing secret."""
    routes = APIRouter(prefix="/v1")

    @routes.post("/payments", status_code=201)
    async def create(
        new: NewPayment, response: Response, idempotency_key: Annotated[str | None, Header()] = None
    ) -> dict[str, Any]:
        payment, is_new = world.once(idempotency_key, Payment(**new.model_dump()))
        if not is_new:
            response.status_code = 200
        world.payments[payment.id] = payment
        return payment.shown()

    @routes.get("/payments")
    async def listed() -> list[dict[str, Any]]:
        return [payment.shown() for payment in world.payments.values()]

    @routes.get("/payments/{payment_id}")
    async def one(payment_id: str) -> dict[str, Any]:
        return _known(payment_id).shown()

    @routes.put("/account")
    async def account(settings: Account) -> Account:
        world.account_url = settings.webhook_url
        return settings

    @routes.post("/payments/{payment_id}/simulate")
    async def simulate(payment_id: str, asked: Simulation, response: Response) -> Simulated:
        payment = _known(payment_id)
        url = payment.webhook_url or world.account_url
        if url is None:
            raise HTTPException(409, "neither the payment nor the account has a webhook_url")
        status = asked.event.removeprefix("payment.")
        if asked.fault is None:
            payment.status = status
        event_id = f"msg_{secrets.token_hex(12)}"
        payload = _event(payment, asked.event, status, asked.reason)

        def sign() -> Signed:
            return standard_webhook(secret, event_id, payload, asked.fault)

        sending = sender.send(url, sign, times=asked.times, retry=asked.retry)
        if asked.background:
            sender.later(sending)
            response.status_code = 202
            return Simulated(event_id=event_id, answers=[])
        return Simulated(event_id=event_id, answers=await sending)

    def _known(payment_id: str) -> Payment:
        if payment_id not in world.payments:
            raise HTTPException(404, f"there is no payment {payment_id}")
        return world.payments[payment_id]

    return routes


def _event(payment: Payment, event: str, status: str, reason: str | None) -> dict[str, Any]:
    data = {
        "id": payment.id,
        "status": status,
        "amount": payment.amount,
        "currency": payment.currency,
        "reference": payment.reference,
        "reason": reason,
    }
    return {"type": event, "timestamp": datetime.now(UTC).isoformat(), "data": data}
