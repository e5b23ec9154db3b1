"""AcmePay, a payment provider: what we ask of it, and what it says by webhook."""

from __future__ import annotations

from pydantic import BaseModel

from services.outside import post


class Payment(BaseModel):
    """A payment as AcmePay shows it; `amount` in minor units (cents)."""

    id: str
    status: str
    amount: int
    currency: str
    reference: str | None = None
    reason: str | None = None


class PaymentEvent(BaseModel):
    """What AcmePay's webhook says of a payment."""

    type: str
    data: Payment


async def create_payment(
    amount: int,
    currency: str,
    description: str,
    *,
    idempotency_key: str,
    webhook_url: str | None = None,
    reference: str | None = None,
) -> Payment:
    """
    Ask a customer for a payment; whether they pay is told later.

    With `webhook_url` AcmePay tells it there, without it at the account's URL, with our `reference`.
    """
    body = {
        "amount": amount,
        "currency": currency,
        "description": description,
        "webhook_url": webhook_url,
        "reference": reference,
    }
    return Payment.model_validate(
        await post("ACMEPAY_URL", "/v1/payments", body, idempotency_key=idempotency_key)
    )
