"""Who calls the internal API: a configured client, by its bearer token."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from gateway.errors import Forbidden, Unauthorized
from gateway.gateway import Gateway
from gateway.sources import allows

_bearer = HTTPBearer(auto_error=False, description="A configured client's token")


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated client."""

    name: str
    sources: tuple[str, ...]

    def may_use(self, source: str) -> None:
        """Raise `Forbidden` where its patterns do not allow a source."""
        if not allows(self.sources, source):
            raise Forbidden(
                f'the client "{self.name}" may not use the source "{source}"; '
                f"clients.{self.name}.sources allows {', '.join(self.sources) or 'none'}"
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
    found = None
    # Every digest is compared, so that time does not tell which client comes near.
    for name, client in gateway.settings.clients.items():
        for known in client.token_sha256:
            if hmac.compare_digest(known, digest):
                found = Caller(name, client.sources)
    if found is None:
        raise Unauthorized("this token belongs to no configured client")
    return found


RunningGateway = Annotated[Gateway, Depends(running_gateway)]
AuthenticatedCaller = Annotated[Caller, Depends(authenticate)]
