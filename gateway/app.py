"""Putting a gateway together and serving it: two listeners in one process."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from gateway import descriptors, failpoints, log, sources
from gateway.admin import RestateAdmin
from gateway.clients import Clients, WatchedClients, fingerprint
from gateway.errors import ConfigurationError
from gateway.filewatch import keep_looking
from gateway.gateway import Gateway
from gateway.http.asgi import Asgi
from gateway.http.connection import App, Listener
from gateway.internal import app as internal_app
from gateway.keyfile import WatchedKeyRing
from gateway.keyreport import KeyReport
from gateway.ledger import connect, owing
from gateway.ledger.courier import Courier
from gateway.ledger.retention import keep_sweeping
from gateway.ledger.uses import Kind, Used
from gateway.listening import Sockets
from gateway.log import logger
from gateway.observe.observer import Observer, Tracer
from gateway.public.app import PublicApp
from gateway.restate import RestateClient
from gateway.secret import Secret
from gateway.secretwatch import WatchedSecret
from gateway.settings import Settings
from gateway.sources import Source, SourceSecret
from gateway.sourcewatch import WatchedSources
from gateway.watcher import Watcher
from gateway.workers.worker import Worker

#: A stop may take ten seconds in all: so long until the public listener's requests are done, with
#: `listen.drain`; until the internal one's are, which goes last so that /readyz says why; for what they left.
_PUBLIC_SECONDS = 6
_INTERNAL_SECONDS = 7
_FINISH_SECONDS = 2
_NOTE_SECONDS = 0.5


@asynccontextmanager
async def running(settings: Settings, environ: Mapping[str, str] | None = None) -> AsyncIterator[Gateway]:
    """
    A gateway whose parts work: ledger open, keys watched, courier on its way.

    Raises `ConfigurationError` before anything has started.
    """
    environ = os.environ if environ is None else environ
    failpoints.arm(environ)
    gateway: Gateway | None = None

    def there() -> None:
        if gateway is not None:
            gateway.uses.there(_secrets(gateway))

    def secret_taken(source: Source, secret: SourceSecret) -> None:
        key = secret.key.fingerprint if secret.key else None
        logger.info("secret taken up", setting=secret.setting, secret=key, closed=source.closed)
        there()

    def clients_taken(taken: Clients) -> None:
        logger.info("clients taken up", clients=sorted(taken.by_name))
        there()

    configured = WatchedSources(
        settings,
        environ,
        on_change=secret_taken,
        on_error=lambda problem: logger.error("secret not taken", reason=problem),
    )
    clients = WatchedClients(
        settings.clients_file,
        settings.clients,
        on_change=clients_taken,
        on_error=lambda error: logger.error(
            "clients not taken, the last good ones stay in force", reason=error
        ),
    )
    keys = WatchedKeyRing(
        settings.keys.file,
        settings.deployment,
        on_change=lambda ring: logger.info(
            "keys", primary=ring.primary.id, ids=[key.id for key in ring.keys]
        ),
        on_error=lambda error: logger.error("keys not taken, the last good ones stay in force", reason=error),
    )

    def token_taken(secret: Secret) -> None:
        logger.info("restate.auth_token taken up")
        restate.auth_token = secret
        if gateway is not None:
            gateway.status.auth_token = secret

    token = None
    if settings.restate.auth_token is not None:
        token = WatchedSecret(
            "restate.auth_token",
            settings.restate.auth_token,
            environ,
            on_change=token_taken,
            on_error=lambda error: logger.error("restate.auth_token not taken", reason=error),
        )
    for absent in configured.sources.absent:
        logger.warning("secret not there", setting=absent)
    for name in configured.sources.closed:
        logger.warning("source closed, it answers 401 to everything", source=name, reason="it has no secret")
    observer = Observer(tracer=_tracer(settings))
    ledger = connect(sources.ledger_url(settings, environ), observer.metrics)
    auth_token = token.secret if token else None
    restate = RestateClient(settings.restate.ingress_urls, auth_token, observer.metrics.restate_answered)

    def provider_of(source: str) -> str:
        found = configured.sources.get(source)
        return found.provider.name if found else source

    def notifies(source: str) -> bool:
        found = configured.sources.get(source)
        return found is not None and found.provider.verified == "notification"

    courier = Courier(ledger, restate, provider_of, notifies=notifies)
    admin = RestateAdmin(settings.restate.admin_url) if settings.restate.admin_url else None
    gateway = Gateway(
        settings, configured, clients, keys, ledger, restate, courier, admin, token, observer=observer
    )
    there()
    if not clients.clients.by_digest:
        logger.warning("no clients: nobody can issue", remedy='"gateway clients add NAME" makes one')
    if ledger.exclusive:
        # Nobody else has this ledger: what was in flight when it was left is due at once.
        await ledger.write(owing.release(), within=30)
    report = KeyReport(ledger, keys, gateway.clock)
    keys.on_look = report.wake
    try:
        await report.begin()
    except BaseException:
        restate.close()
        ledger.close()
        raise
    background = [
        asyncio.create_task(courier.run()),
        asyncio.create_task(gateway.refusals.run(ledger)),
        asyncio.create_task(keys.watch()),
        asyncio.create_task(keep_looking(configured.refresh)),
        asyncio.create_task(keep_looking(clients.refresh)),
        asyncio.create_task(gateway.uses.run(ledger)),
        asyncio.create_task(report.run()),
        asyncio.create_task(keep_sweeping(ledger, settings.ledger, gateway.clock)),
    ]
    if token is not None:
        background.append(asyncio.create_task(keep_looking(token.refresh)))
    if observer.tracer is not None:
        background.append(asyncio.create_task(observer.tracer.run()))
    if admin is not None:
        background.append(
            asyncio.create_task(Watcher(ledger, admin, observer.metrics.no_effect, gateway.clock).run())
        )
    else:
        logger.info(
            "not watched: whether values took effect, and callbacks that nobody waits for",
            reason="there is no restate.admin_url",
        )
    try:
        yield gateway
    finally:
        await gateway.finish(_FINISH_SECONDS)
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await gateway.refusals.drain(ledger, _NOTE_SECONDS)
        await gateway.uses.write(ledger, _NOTE_SECONDS)
        await courier.drain(_NOTE_SECONDS)
        await report.end()
        if observer.tracer is not None:
            await observer.tracer.close(_NOTE_SECONDS)
        restate.close()
        await gateway.fetcher.close()
        await gateway.status.close()
        if admin is not None:
            await admin.close()
        ledger.close()


def _secrets(gateway: Gateway) -> list[Used]:
    """Every secret and token that may be used now."""
    found = [
        Used(Kind.SOURCE, source.name, key.fingerprint)
        for source in gateway.sources.by_name.values()
        for key in source.keys
    ]
    for digest, client in gateway.clients.clients.by_digest.items():
        found.append(Used(Kind.CLIENT, client, fingerprint(digest)))
    return found


def _tracer(settings: Settings) -> Tracer | None:
    if settings.traces.endpoint is None:
        return None
    try:
        from gateway.observe.tracing import OtlpTracer
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"traces.endpoint: traces need the extra of that name ({error.name} is not installed): "
            "pip install 'webhook-gateway[server,traces]', or leave the setting out"
        ) from None
    return OtlpTracer(settings.traces.endpoint, settings.traces.ratio, settings.deployment)


async def serve(settings: Settings, worker: Worker | None = None) -> None:
    """Serve both listeners until SIGTERM or SIGINT, then finish what is in work; alone, or as a worker."""
    log.configure(settings.log, worker.number if worker else None)
    async with running(settings) as gateway:
        sockets = worker.sockets if worker else Sockets.bound(settings.listen)
        listeners = Listeners(gateway, sockets.public, sockets.internal)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        # What is there by now stays: to look for what does not is 40 ms of a start, and finds nothing worth
        # it. A delivery makes a thousand objects and no circles of them: 20,000 more before the collector
        # looks are a few megabytes, and it costs a tenth of the path at its usual 700.
        gc.freeze()
        gc.set_threshold(20_000, 10, 10)
        gc.enable()
        if worker:
            worker.sound()
        await listeners.serve(stop)


class Listeners:
    """The public and the internal listener of a gateway, on sockets that are bound already."""

    def __init__(self, gateway: Gateway, public: socket.socket, internal: socket.socket) -> None:
        self._gateway = gateway
        self._sockets = (public, internal)
        connections = descriptors.connections(gateway.settings.limits.connections)
        refused = gateway.observer.metrics.refused
        self._public = _Server(_config(PublicApp(gateway), connections, on_refusal=refused))
        self._internal = _Server(_config(Asgi(internal_app.build(gateway)), connections))

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set, then take no more and answer what is in work."""
        gateway, settings = self._gateway, self._gateway.settings
        drain = settings.listen.drain.total_seconds()
        serving = [
            asyncio.create_task(server.serve(sockets=[bound]))
            for server, bound in zip((self._public, self._internal), self._sockets, strict=True)
        ]
        logger.info(
            "serving",
            public=settings.listen.public,
            internal=_address(self._sockets[1]),
            public_url=settings.public_url,
            sources=sorted(gateway.sources.by_name),
            primary_key=gateway.ring.primary.id,
        )
        await asyncio.wait([asyncio.create_task(stop.wait()), *serving], return_when=asyncio.FIRST_COMPLETED)
        logger.info("stopping")
        gateway.draining = True
        begun = time.monotonic()
        # Whoever asks /readyz sends no more to us; what is on its way by then is taken.
        await asyncio.sleep(drain)
        self._public.stop(_PUBLIC_SECONDS - drain)
        await serving[0]
        self._internal.stop(_INTERNAL_SECONDS - (time.monotonic() - begun))
        await serving[1]


class _Server(uvicorn.Server):
    """Two servers share a process: signals are taken by `serve`, once."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield

    def stop(self, within: float) -> None:
        """Take no more connections, and end once requests in work are done, `within` seconds at most."""
        # A whole number by its type; it is only waited for.
        self.config.timeout_graceful_shutdown = within  # type: ignore[assignment]
        self.should_exit = True


def _address(bound: socket.socket) -> str:
    host, port, *_ = bound.getsockname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _config(app: App, connections: int, **more: Any) -> Listener:
    return Listener(
        app,
        # The access log holds the path, so the token; ours holds what is good to know.
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        lifespan="off",
        loop="uvloop",
        ws="none",
        timeout_keep_alive=30,
        # Nothing here depends on by which name we are called; who calls, the edge finds out itself.
        proxy_headers=False,
        connections=connections,
        **more,
    )
