"""`gateway serve`."""

from __future__ import annotations

import asyncio

import uvloop

from gateway import settings
from gateway.app import serve as serve_until_stopped
from gateway.cli import ConfigFile


def serve(config: ConfigFile = None) -> None:
    """
    Serve webhooks and the internal API until SIGTERM or Ctrl-C.

    Example: gateway serve --config gateway.toml
    """
    loaded = settings.load(config)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_until_stopped(loaded))
