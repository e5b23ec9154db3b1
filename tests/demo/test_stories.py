"""Every story of the demo goes as it says it will."""

from __future__ import annotations

import io

import pytest

from demo.screen import Screen
from demo.stage import Stage, Unexpected
from demo.stories import STORIES
from demo.story import Story, play
from stack.stack import Stack


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.title)
def test_the_story_goes_as_expected(stack: Stack, story: Story) -> None:
    told = io.StringIO()
    screen = Screen(told)
    played = play(1, story, Stage(stack, screen), screen)
    assert played.seen == story.expected, told.getvalue()
    assert played.good


def test_a_story_that_goes_otherwise_is_not_good(stack: Stack) -> None:
    told = io.StringIO()
    screen = Screen(told)
    played = play(1, Story("A lie", "paid", lambda stage: "declined"), Stage(stack, screen), screen)
    assert not played.good
    assert "NOT as expected: declined" in told.getvalue()


def test_a_story_that_fails_says_why_and_the_next_one_can_be_told(stack: Stack) -> None:
    def fails(stage: Stage) -> str:
        raise Unexpected("the payment did not come")

    told = io.StringIO()
    screen = Screen(told)
    played = play(1, Story("A failure", "paid", fails), Stage(stack, screen), screen)
    assert played.seen == "an error"
    assert "the payment did not come" in told.getvalue()


def test_the_stories_fit_into_the_table() -> None:
    told = io.StringIO()
    rows = [(story.title, story.expected, story.expected, " 99.9 s") for story in STORIES]
    Screen(told).table(("Story", "Expected", "Seen", "  Time"), rows, [False] * len(rows))
    assert "…" not in told.getvalue()
    assert max(map(len, told.getvalue().splitlines())) <= 80
