"""The log: one JSON line an event, whatever is in it, and nothing of the libraries' URLs."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

# Logging is set up for a whole process, so a process of its own writes here.
_SCRIPT = """
import logging, sys
from gateway import log, settings
log.configure(settings.Log(level=sys.argv[1], format=sys.argv[2]), *map(int, sys.argv[3:]))
texts = ["plain", "a\\r\\nb", "\\x1b[31mred", "${jndi:ldap://x}", "{0}%s{text!r}"]
for text in [*texts, "\\u2028", "\\ud800", "\\0"]:
    log.logger.info("event", text=text)
log.logger.debug("a detail")
for name in ("httpx", "httpcore", "pyreqwest", "uvicorn", "uvicorn.access", "asyncio", "alembic"):
    logging.getLogger(name).info("GET /c/acmepay/k1.token")
    logging.getLogger(name).debug("GET /c/acmepay/k1.token")
logging.getLogger("sqlalchemy").debug("SELECT token")
logging.getLogger("uvicorn.error").error("a library's error\\nwith two lines")
"""
_TEXTS = ["plain", "a\r\nb", "\x1b[31mred", "${jndi:ldap://x}", "{0}%s{text!r}", "\u2028", "\ud800", "\0"]


def logged(level: str, form: str, *worker: str) -> str:
    """What the script writes; nothing goes to stdout."""
    ended = subprocess.run(
        [sys.executable, "-c", _SCRIPT, level, form, *worker], capture_output=True, check=True
    )
    assert ended.stdout == b""
    return ended.stderr.decode()


@pytest.mark.parametrize("form", ["json", "auto"])
def test_each_event_is_one_line_of_json(form: str) -> None:
    lines = logged("info", form).split("\n")
    assert lines.pop() == ""
    events = [json.loads(line) for line in lines]
    assert [one["text"] for one in events if one["event"] == "event"] == _TEXTS
    assert not any(ord(character) < 32 or ord(character) > 126 for line in lines for character in line)
    assert all({"level", "timestamp"} <= one.keys() for one in events)
    assert events[-1]["event"] == "a library's error\nwith two lines"


def test_of_several_workers_each_line_has_the_number() -> None:
    lines = [json.loads(line) for line in logged("info", "json", "2").splitlines()]
    assert {line["worker"] for line in lines} == {2}
    assert "worker" not in json.loads(logged("info", "json").splitlines()[0])


@pytest.mark.parametrize("form", ["json", "console"])
def test_the_libraries_own_lines_are_left_out_at_every_level(form: str) -> None:
    # They hold URLs, so tokens.
    text = logged("debug", form)
    assert "a detail" in text
    assert "token" not in text


def test_the_level_is_a_lower_bound() -> None:
    text = logged("error", "json")
    assert len(text.splitlines()) == 1
    assert "a library's error" in text


def test_the_console_obeys_no_text_and_shows_it_in_one_line() -> None:
    lines = logged("info", "console").split("\n")
    assert lines.pop() == ""
    # The eight texts, and one of a library's.
    assert len(lines) == len(_TEXTS) + 1
    colours = re.compile(r"\x1b\[[0-9;]*m")
    shown = [colours.sub("", line) for line in lines]
    assert all(line.isprintable() for line in shown)
    # Those are the log's own colours, nobody else's.
    assert not any("\x1b[31mred" in line for line in lines)
    assert "{0}%s{text!r}" in shown[4]
