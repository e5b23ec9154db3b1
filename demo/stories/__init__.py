"""The stories, in the order in which they are told."""

from __future__ import annotations

from demo.stories import forgeries, operations, payments, people, repeats, timing, workflows
from demo.story import Story

STORIES: tuple[Story, ...] = (
    *payments.STORIES,
    *forgeries.STORIES,
    *repeats.STORIES,
    *timing.STORIES,
    *workflows.STORIES,
    *people.STORIES,
    *operations.STORIES,
)
