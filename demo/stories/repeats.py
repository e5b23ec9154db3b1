"""Events that end nothing, and one that comes too often."""

from __future__ import annotations

from collections import Counter

from demo.stage import Stage
from demo.story import Story

TIMES = 5


def not_final(stage: Stage) -> str:
    waiting = stage.charge()
    answer = stage.one_webhook(waiting.payment, "payment.processing")
    stage.say(f"AcmePay says payment.processing, which ends nothing: {answer}.")
    stage.is_suspended(waiting.invocation)
    stage.one_webhook(waiting.payment, "payment.succeeded")
    return f"{answer.outcome}, then {stage.result(waiting.invocation)['status']}"


def five_times(stage: Stage) -> str:
    waiting = stage.charge()
    answers = stage.webhook(waiting.payment, "payment.succeeded", times=TIMES)
    outcomes = Counter(answer.outcome for answer in answers)
    listed = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items(), key=str))
    stage.say(f"AcmePay sends the same event {TIMES} times at once: {listed}.")
    stage.result(waiting.invocation)
    entries = stage.stack.restate.ingress.post(f"/restate/call/Books/{waiting.payment}/entries").json()
    stage.say(f"The books have the payment {len(entries)} time(s).")
    return f"{len(entries)} entry, {outcomes['duplicate']} repeats"


STORIES = (
    Story("An event that is not final", "filtered, then paid", not_final),
    Story("One event, five times", "1 entry, 4 repeats", five_times),
)
