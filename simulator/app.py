"""The simulated services as one ASGI app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI

from simulator import acmepay, idcheck, mailer
from simulator.sending import Sender
from simulator.world import World


@dataclass(frozen=True)
class Secrets:
    """What the services sign with: AcmePay's `whsec_…` text and IDCheck's text."""

    acmepay: str = field(repr=False)
    idcheck: str = field(repr=False)


def create_app(secrets: Secrets, sender: Sender) -> FastAPI:
    """The app of a world in which nothing has happened yet. It closes the sender when it ends."""
    world = World()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await sender.close()

    app = FastAPI(title="The outside world", lifespan=lifespan)
    app.include_router(acmepay.router(world, sender, secrets.acmepay))
    app.include_router(idcheck.router(world, sender, secrets.idcheck))
    app.include_router(mailer.router(world, sender))

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    return app
