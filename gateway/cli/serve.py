"""`gateway serve`."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

from gateway import log, settings
from gateway.cli import ConfigFile
from gateway.settings import Settings

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
    # Both apps and their servers take a second to import, which the other commands need not wait for.
    import uvloop

    from gateway.app import serve as serve_until_stopped
    from gateway.workers import sharing
    from gateway.workers.supervisor import Supervisor
    from gateway.workers.worker import Worker

    loaded = chosen(settings.load(config), workers)

    def work(worker: Worker | None = None) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_until_stopped(loaded, worker))

    if loaded.listen.workers == 1:
        work()
        return
    sharing.check(loaded, os.environ)
    log.configure(loaded.log)
    raise typer.Exit(Supervisor(loaded.listen, work).run())


def chosen(loaded: Settings, workers: int | None) -> Settings:
    """The settings with as many workers as the command line says, where it says so."""
    if workers is None:
        return loaded
    return loaded.model_copy(update={"listen": loaded.listen.model_copy(update={"workers": workers})})
