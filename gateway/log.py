"""
Logging: events with values, JSON where nobody looks, readable on a terminal.

What is logged is chosen value by value; no token, body, header value, secret, awakeable or invocation id
is ever among them. A text of a provider's can't make two lines of one, or a terminal obey.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any

import structlog

from gateway import settings as config

_LIBRARIES = (
    *("httpx", "httpcore", "asyncio", "pyreqwest", "alembic", "uvicorn"),
    *("requests", "urllib3"),
)
#: Made once: `json.dumps` with arguments makes one for each line.
_encode = json.JSONEncoder(default=repr).encode


def configure(settings: config.Log) -> None:
    """Set up structlog and hand it what the libraries log."""
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[structlog.typing.Processor] = (
        [_as_json] if as_json else [_escaped, structlog.dev.ConsoleRenderer(pad_event_to=0)]
    )
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, *rendering])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # The libraries' own debug lines hold URLs, so tokens.
    root.setLevel(max(level, logging.INFO))
    for name in (
        "httpx",
        "httpcore",
        "asyncio",
        "pyreqwest",
        "alembic",
        "uvicorn",
        "opentelemetry",
        "urllib3",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It says each second that its collector is away; we say it once.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)


def embed() -> None:
    """
    Hand what is logged to Python's logger `gateway`, for a gateway inside another program.

    Where that program has set up structlog for itself, that counts.
    """
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[_as_json],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: logging.getLogger("gateway"),
    )


def _as_json(logger: object, name: str, event: Mapping[str, Any]) -> str:
    return _encode(event)


def _escaped(logger: object, name: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with what a terminal would take for a command or a new line written as escapes."""
    return {
        key: value.encode("unicode_escape").decode()
        if isinstance(value, str) and not value.isprintable()
        else value
        for key, value in event.items()
    }


def defect(error: Exception) -> None:
    """Log a defect of ours: its kind and its place are enough to find it, its text may hold input."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
    logger.error("a defect of the gateway", kind=type(error).__name__, where=where)


logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
