"""The public app of a gateway in this process, on a listener of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from uvicorn.server import ServerState

from gateway.gateway import Gateway
from gateway.http.connection import Connection, Listener
from gateway.public.app import PublicApp


@asynccontextmanager
async def public(gateway: Gateway) -> AsyncIterator[str]:
    """The URL that it answers at, for the time of a `with` block."""
    listener = Listener(PublicApp(gateway), 100, lifespan="off", ws="none", log_config=None)
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(listener, state, {}), "127.0.0.1", 0
    )
    try:
        yield "http://{}:{}".format(*server.sockets[0].getsockname())
    finally:
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
