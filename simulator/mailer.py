"""A mail service: an inbox for everybody, and a confirmation when a link was clicked."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, HTTPException
from pydantic import BaseModel

from simulator.sending import Answer, Sender
from simulator.signatures import encoded
from simulator.world import Email, World


class NewEmail(BaseModel):
    """An e-mail with one link in it."""

    to: str
    subject: str
    text: str
    link: str


class Click(BaseModel):
    """What the mail service concludes from the click."""

    address: Literal["verified"]


class Clicked(BaseModel):
    """The first answer of whoever is behind the link."""

    answers: list[Answer]


def router(world: World, sender: Sender) -> APIRouter:
    """The mail service's routes. It signs nothing: whoever knows the link has received the e-mail."""
    routes = APIRouter(prefix="/v1/emails")

    @routes.post("", status_code=202)
    async def create(
        new: NewEmail, idempotency_key: Annotated[str | None, Header()] = None
    ) -> dict[str, str]:
        email, _ = world.once(idempotency_key, Email(**new.model_dump()))
        world.emails[email.id] = email
        return {"id": email.id}

    @routes.get("")
    async def inbox(to: str) -> list[dict[str, Any]]:
        return [asdict(email) for email in world.emails.values() if email.to == to]

    @routes.post("/{email_id}/click")
    async def click(email_id: str, concluded: Click) -> Clicked:
        email = world.emails.get(email_id)
        if email is None:
            raise HTTPException(404, f"there is no e-mail {email_id}")
        body = encoded({"type": f"email.{concluded.address}", "data": {"to": email.to}})
        return Clicked(
            answers=await sender.send(email.link, lambda: ({"content-type": "application/json"}, body))
        )

    return routes
