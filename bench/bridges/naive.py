"""The bridge that one writes in ten minutes: FastAPI, httpx, a signature check, resolve."""

from __future__ import annotations

import os

import httpx
from fastapi import FastAPI, HTTPException, Request

from bench.stripe import is_genuine

app = FastAPI()
client = httpx.AsyncClient(base_url=os.environ["INGRESS_URL"], trust_env=False)
secret = os.environ["STRIPE_SECRET"]


@app.post("/webhook/{awakeable_id}")
async def webhook(awakeable_id: str, request: Request) -> dict[str, str]:
    """Verify a webhook and resolve its awakeable."""
    body = await request.body()
    if not is_genuine(body, request.headers.get("stripe-signature", ""), secret):
        raise HTTPException(401)
    answer = await client.post(
        f"/restate/awakeables/{awakeable_id}/resolve",
        content=body,
        headers={"content-type": "application/json"},
    )
    answer.raise_for_status()
    return {"status": "ok"}
