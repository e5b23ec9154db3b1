"""`gateway serve`."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import log, settings
from gateway.cli import ConfigFile
from gateway.settings import Settings

if TYPE_CHECKING:
    from gateway.workers.worker import Worker

Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        max=64,
        help="Processes that share the public port; needs PostgreSQL. listen.workers where it is not given.",
    ),
]


def serve(config: ConfigFile = None, workers: Workers = None) -> None:
    """
    Serve webhooks and the internal API until SIGTERM or Ctrl-C.

    Example: gateway serve --config gateway.toml
    """
    # A start makes 140,000 objects that stay: to look for circles among them is a twentieth of it.
    # `gateway.app` has them left alone for good, then lets the collector look again.
    gc.disable()
    try:
        # Both apps and their servers take half a second to import, which `--help` need not wait for.
        import uvloop

        from gateway.app import serve as serve_until_stopped

        loaded = chosen(settings.load(config), workers)

        def work(worker: Worker | None = None) -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve_until_stopped(loaded, worker))

        if loaded.listen.workers == 1:
            work()
        else:
            raise typer.Exit(_supervise(loaded, work))
    finally:
        gc.enable()


def _supervise(loaded: Settings, work: Callable[[Worker | None], None]) -> int:
    """Have several processes do the work; the exit code."""
    from gateway.workers import sharing
    from gateway.workers.supervisor import Supervisor

    sharing.check(loaded, os.environ)
    log.configure(loaded.log)
    return Supervisor(loaded.listen, work).run()


def chosen(loaded: Settings, workers: int | None) -> Settings:
    """The settings with as many workers as the command line says, where it says so."""
    if workers is None:
        return loaded
    return loaded.model_copy(update={"listen": loaded.listen.model_copy(update={"workers": workers})})
