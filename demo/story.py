"""What a story is, and how one is played."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from demo.screen import Screen
from demo.stage import Stage, Unexpected
from stack.errors import StackError


@dataclass(frozen=True)
class Story:
    """`play` returns what came of it, in the words in which `expected` says what should."""

    title: str
    expected: str
    play: Callable[[Stage], str]


@dataclass(frozen=True)
class Played:
    """A story and what was seen."""

    story: Story
    seen: str
    seconds: float

    @property
    def good(self) -> bool:
        """Whether it went as expected."""
        return self.seen == self.story.expected


def play(number: int, story: Story, stage: Stage, screen: Screen) -> Played:
    """Play a story; whatever goes wrong in it is what was seen."""
    screen.heading(f"{number}. {story.title}")
    started = time.monotonic()
    try:
        seen = story.play(stage)
    except (Unexpected, StackError, httpx.HTTPError) as error:
        screen.say(str(error))
        seen = "an error"
    played = Played(story, seen, time.monotonic() - started)
    screen.verdict(played.good, seen)
    return played
