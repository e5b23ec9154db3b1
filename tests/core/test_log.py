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


_ONE_EVENT_TWICE = """
import logging, sys
from gateway import log, settings
log.configure(settings.Log(level="info", format=sys.argv[1]), *map(int, sys.argv[2:]))
values = {"text": "a\\n\\x7fb", "number": 1, "half": "\\ud800", "inner": {"ms": 0.001}, "none": None}
for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
    log.logger.log(level, "event", **values)
    log.write(log.logger.bind(), level, "event", dict(values))
"""


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("worker", [(), ("2",)])
def test_what_is_written_is_what_is_logged(form: str, worker: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", _ONE_EVENT_TWICE, form, *worker]
    ended = subprocess.run(command, capture_output=True, check=True)
    lines = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "now", ended.stderr.decode()).splitlines()
    assert len(lines) == 6
    assert lines[::2] == lines[1::2]
    assert ("worker" in lines[0]) == bool(worker)
    if form == "json":
        names = ["text", "number", "half", "inner", "none", "event", "level", "timestamp"]
        assert list(json.loads(lines[0])) == names + ["worker"] * len(worker)


_EMBEDDED = """
import logging, sys
import structlog
from structlog.testing import capture_logs
from gateway import log
if sys.argv[1] == "set up":
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
log.embed()
logging.basicConfig(format="%(name)s: %(message)s", level=logging.INFO, stream=sys.stdout)
for level in (logging.DEBUG, logging.INFO):
    log.write(log.logger.bind(), level, "event", {"number": 1})
with capture_logs() as captured:
    log.logger.warning("kept", number=2)
    log.write(log.logger.bind(), logging.WARNING, "kept", {"number": 2})
assert captured == [{"number": 2, "event": "kept", "log_level": "warning"}] * 2, captured
"""


@pytest.mark.parametrize(
    ("program", "written"),
    [
        ("not set up", ['gateway: {"number":1,"event":"event"}']),
        ("set up", ["number=1 event='event'"] * 2),
    ],
)
def test_inside_of_another_program_its_own_set_up_counts(program: str, written: list[str]) -> None:
    command = [sys.executable, "-c", _EMBEDDED, program]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert (ended.stdout.decode().splitlines(), ended.stderr.decode()) == (written, "")
