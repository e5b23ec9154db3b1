"""`gateway serve`."""

from __future__ import annotations

import asyncio

from gateway import settings
from gateway.cli import ConfigFile


def serve(config: ConfigFile = None) -> None:
    """
    Serve webhooks and the internal API until SIGTERM or Ctrl-C.

    Example: gateway serve --config gateway.toml
    """
    # Both apps and their servers take a second to import, which the other commands need not wait for.
    import uvloop

    from gateway.app import serve as serve_until_stopped

    loaded = settings.load(config)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_until_stopped(loaded))
