"""The demo is readable at 80 columns, and coloured only where colours are wanted."""

from __future__ import annotations

import io

import pytest

from demo.screen import WIDTH, Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def shown(stream: io.StringIO) -> str:
    screen = Screen(stream)
    screen.heading("A heading")
    with screen.waiting("something to happen"):
        screen.say("A sentence.")
    screen.verdict(False, "nothing")
    return stream.getvalue()


def test_a_terminal_has_colours_and_a_progress_line_that_goes_away() -> None:
    text = shown(Terminal())
    assert "\033[31mNOT as expected:" in text
    assert "… something to happen" in text
    assert "\r\033[K" in text


def test_a_file_has_neither() -> None:
    text = shown(io.StringIO())
    assert text == "\nA heading\n    A sentence.\n    NOT as expected: nothing\n"


def test_no_color_takes_the_colours_and_leaves_the_progress_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown(Terminal())
    assert "\033[3" not in text
    assert "\033[1m" not in text
    assert "… something to happen" in text


def test_a_terminal_that_can_do_nothing_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert "\033" not in shown(Terminal())


def test_long_sentences_are_wrapped() -> None:
    stream = io.StringIO()
    Screen(stream).say("word " * 60)
    assert max(map(len, stream.getvalue().splitlines())) <= WIDTH


def test_a_table_never_gets_wider_than_the_screen() -> None:
    stream = io.StringIO()
    Screen(stream).table(("A", "B"), [("short", "x" * 200), ("y" * 30, "short")], [False, True])
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) == WIDTH
    assert lines[2].endswith("…")
    assert "y" * 30 in lines[3]
