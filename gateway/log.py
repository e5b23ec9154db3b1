"""
Logging: events with values, JSON where nobody looks, readable on a terminal.

What is logged is chosen value by value; no token, body, header value, secret, awakeable or invocation id
is ever among them.
"""

from __future__ import annotations

import logging
import sys

import structlog

from gateway import settings as config


def configure(settings: config.Log) -> None:
    """Set up structlog and hand it what the libraries log."""
    json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(pad_event_to=0)
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processor=renderer)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # The libraries' own debug lines hold URLs, so tokens.
    root.setLevel(max(level, logging.INFO))
    for name in ("httpx", "httpcore", "asyncio", "pyreqwest", "alembic", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)


logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
