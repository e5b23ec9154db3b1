"""What asks Restate is made once, when the first question is asked."""

from __future__ import annotations

import asyncio

import pytest

from gateway.questions import Questions, Unanswered
from stack.ports import free_ports


async def test_the_first_questions_share_what_asks() -> None:
    questions = Questions(1.0)
    first, second = await asyncio.gather(questions.ready(), questions.ready())
    assert first is second
    await questions.close()
    assert first.is_closed


async def test_nothing_that_was_never_asked_is_to_be_closed() -> None:
    await Questions(1.0).close()


@pytest.mark.parametrize(
    ("url", "kind"),
    [("http://127.0.0.1:{free}", "ConnectError"), ("http://restate:x", "InvalidURL")],
)
async def test_what_goes_wrong_is_told_by_its_kind(url: str, kind: str) -> None:
    questions = Questions(1.0)
    url = url.format(free=free_ports(1)[0])
    with pytest.raises(Unanswered, match=kind) as caught:
        await questions.get(url)
    assert caught.value.__cause__ is None
    await questions.close()
