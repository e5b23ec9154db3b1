"""
Logging: events with values, JSON where nobody looks, readable on a terminal.

What is logged is chosen value by value; no token, body, header value, secret, awakeable or invocation id
is ever among them. A text of a provider's can't make two lines of one, or a terminal obey.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import deque
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from time import time_ns
from typing import Any, TextIO

import structlog
from pydantic_core import PydanticSerializationError, to_json

from gateway import settings as config

#: Their own debug lines hold URLs, so tokens.
_LIBRARIES = (
    *("httpx", "httpcore", "asyncio", "pyreqwest", "alembic", "uvicorn"),
    *("opentelemetry", "requests", "urllib3"),
)
_NAMES = {logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}
#: Made once: `json.dumps` with arguments makes one for each line.
_encode = json.JSONEncoder(default=repr, separators=(",", ":")).encode


def configure(settings: config.Log, worker: int | None = None) -> None:
    """Set up structlog and hand it what the libraries log. Of several workers each line has the number."""
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    lines = _Lines(sys.stderr)
    shared: list[structlog.typing.Processor] = [_stamping(worker)]
    rendering: list[structlog.typing.Processor] = (
        [_as_json] if as_json else [_escaped, structlog.dev.ConsoleRenderer(pad_event_to=0)]
    )
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=_filtering(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(lines)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, *rendering])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.INFO))
    for name in _LIBRARIES:
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
        wrapper_class=_filtering(logging.INFO),
        logger_factory=lambda *_: logging.getLogger("gateway"),
    )


class _Lines:
    """
    Where lines go, one write for all that one turn of the event loop brings.

    What somebody has to look at is written at once, and so is everything outside of a loop.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        # Whose ends may be used in several threads.
        self._waiting: deque[str] = deque()

    def write(self, text: str) -> None:
        """Write now, behind what waits."""
        self._waiting.append(text)
        self.flush()

    def flush(self) -> None:
        """Write what waits."""
        lines = []
        with suppress(IndexError):
            while True:
                lines.append(self._waiting.popleft())
        if lines:
            self._file.write("".join(lines))
            self._file.flush()

    def info(self, line: str) -> None:
        """Write a line soon."""
        loop = asyncio._get_running_loop()
        if loop is None:
            self.write(line + "\n")
            return
        if not self._waiting:
            loop.call_soon(self.flush)
        self._waiting.append(line + "\n")

    debug = msg = info

    def warning(self, line: str) -> None:
        """Write a line now."""
        self.write(line + "\n")

    error = critical = exception = warn = warning


class _Logger(structlog.BoundLoggerBase):
    """structlog's logger as it is used here: no values are bound to it, so that an event's own are all."""

    def _proxy_to_logger(self, method_name: str, event: str | None = None, **event_kw: Any) -> Any:
        return self.process(method_name, event, event_kw)

    def process(self, name: str, event: str | None, values: dict[str, Any]) -> Any:
        """What structlog does with an event, without copying its values twice."""
        values["event"] = event
        line: Any = values
        try:
            for processor in self._processors:
                line = processor(self._logger, name, line)
        except structlog.DropEvent:
            return None
        return getattr(self._logger, name)(line)


def _filtering(level: int) -> type[structlog.typing.BindableLogger]:
    """Such a logger with a lower bound."""
    return type("_FilteringLogger", (_Logger, structlog.make_filtering_bound_logger(level)), {})


def write(to: structlog.typing.FilteringBoundLogger, level: int, event: str, values: dict[str, Any]) -> None:
    """As `to.log(level, event, **values)`; what is handed over in `values` is used up."""
    if not isinstance(to, _Logger):
        to.log(level, event, **values)
    elif to.is_enabled_for(level):
        to.process(_NAMES[level], event, values)


def _stamping(worker: int | None) -> structlog.typing.Processor:
    """Adds the level, the time, and where there are several workers the number of the one that logs."""

    def stamp(logger: object, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["level"] = name
        # RFC 3339 in UTC to the microsecond.
        now = str(time_ns())
        event["timestamp"] = f"{_second(now[:-9])}.{now[-9:-3]}Z"
        if worker is not None:
            event["worker"] = worker
        return event

    return stamp


@lru_cache(4)
def _second(seconds: str) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _as_json(logger: object, name: str, event: Mapping[str, Any]) -> str:
    try:
        line = to_json(event, fallback=repr)
    except PydanticSerializationError:
        return _encode(event)  # half of a surrogate pair
    # A terminal obeys no more than what it is: everything else is written as an escape.
    return line.decode() if line.isascii() and b"\x7f" not in line else _encode(event)


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
