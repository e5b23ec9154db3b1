"""Webhooks that are not what they seem: refused, while the payment goes on waiting for the real one."""

from __future__ import annotations

from collections.abc import Callable

from demo.stage import Stage
from demo.story import Story


def refused(fault: str, what: str) -> Callable[[Stage], str]:
    def play(stage: Stage) -> str:
        waiting = stage.charge()
        answer = stage.one_webhook(waiting.payment, "payment.succeeded", fault=fault, retry=False)
        stage.say(f"{what}: the gateway answers {answer}.")
        stage.is_suspended(waiting.invocation)
        genuine = stage.one_webhook(waiting.payment, "payment.succeeded")
        stage.say(f"The handler still waits. Then comes the genuine event: {genuine}.")
        return f"{answer}, then {stage.result(waiting.invocation)['status']}"

    return play


STORIES = tuple(
    Story(title, "401, then paid", refused(fault, what))
    for title, fault, what in (
        ("A forged webhook", "forged", "Somebody who knows the URL makes a signature up"),
        ("A tampered body", "tampered", "Somebody changes the amount on the way"),
        ("The wrong secret", "wrong_secret", "Another account's secret signs it"),
        ("A stale timestamp", "stale", "A delivery was signed ten minutes ago"),
    )
)
