"""Who calls the internal API: a configured client, by its bearer token."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.clients import fingerprint, target_name
from gateway.errors import Forbidden, Unauthorized
from gateway.gateway import Gateway
from gateway.ledger.uses import Kind, Used
from gateway.settings import Client
from gateway.sources import allows
from gateway.targets import Target

_bearer = HTTPBearer(auto_error=False, description="A configured client's token")


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated client."""

    name: str
    client: Client

    @property
    def sources(self) -> tuple[str, ...]:
        """The patterns of the sources that it may use."""
        return self.client.sources

    @property
    def ops(self) -> bool:
        """Whether it sees and acts on every client's callbacks."""
        return self.client.ops

    @property
    def owner(self) -> str | None:
        """Whose callbacks it sees: its own, or None for everybody's."""
        return None if self.ops else self.name

    def may_operate(self) -> None:
        """Raise `Forbidden` where it is not ops."""
        if not self.ops:
            raise Forbidden(
                f'the client "{self.name}" is not ops; clients.{self.name}.ops = true in the configuration, '
                "or gateway clients add --ops, makes one"
            )

    def may_use(self, source: str) -> None:
        """Raise `Forbidden` where its patterns do not allow a source."""
        if not allows(self.sources, source):
            raise Forbidden(
                f'the client "{self.name}" may not use the source "{source}"; '
                f"clients.{self.name}.sources allows {', '.join(self.sources) or 'none'}"
            )

    def may_aim(self, target: Target) -> None:
        """Raise `Forbidden` where its patterns do not allow a target."""
        allowed = self.client.targets
        if not allows(allowed, name := target_name(target)):
            raise Forbidden(
                f'the client "{self.name}" may not aim at {name}; '
                f"clients.{self.name}.targets allows {', '.join(allowed) or 'none'}"
            )


async def running_gateway(request: Request) -> Gateway:
    """The gateway that the app serves."""
    gateway: Gateway = request.app.state.gateway
    return gateway


async def authenticate(
    gateway: Annotated[Gateway, Depends(running_gateway)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """The client whose token was sent; raises `Unauthorized`."""
    if credentials is None:
        raise Unauthorized('send "Authorization: Bearer" and a configured client\'s token')
    digest = hashlib.sha256(credentials.credentials.encode()).hexdigest()
    clients = gateway.clients.clients
    # However long looking takes, it tells of a digest, and nobody can choose the next one nearer to it.
    name = clients.by_digest.get(digest)
    if name is None:
        raise Unauthorized("this token belongs to no configured client")
    gateway.uses.note(Used(Kind.CLIENT, name, fingerprint(digest)))
    return Caller(name, clients.by_name[name])


RunningGateway = Annotated[Gateway, Depends(running_gateway)]
AuthenticatedCaller = Annotated[Caller, Depends(authenticate)]
