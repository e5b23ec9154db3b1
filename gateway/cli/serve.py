"""`gateway serve`."""

from __future__ import annotations

import asyncio
import gc

from gateway import settings
from gateway.cli import ConfigFile


def serve(config: ConfigFile = None) -> None:
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

        loaded = settings.load(config)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_until_stopped(loaded))
    finally:
        gc.enable()
