"""A payment that succeeds, and one that does not."""

from __future__ import annotations

from demo.stage import Stage
from demo.story import Story


def succeeds(stage: Stage) -> str:
    waiting = stage.charge()
    stage.is_suspended(waiting.invocation)
    stage.say(f"Payments/charge gave AcmePay a callback URL with {waiting.payment}, and is suspended.")
    answer = stage.one_webhook(waiting.payment, "payment.succeeded")
    stage.say(f"AcmePay says payment.succeeded; the gateway answers {answer}.")
    receipt = stage.result(waiting.invocation)
    stage.say("The handler was resumed with the event, and returned.")
    return str(receipt["status"])


def declined(stage: Stage) -> str:
    waiting = stage.charge()
    answer = stage.one_webhook(waiting.payment, "payment.declined", reason="no funds")
    stage.say(f"AcmePay says payment.declined, with a reason; the gateway answers {answer}.")
    receipt = stage.result(waiting.invocation)
    stage.say("The handler caught CallbackRejected, which carries the event.")
    return f"{receipt['status']}: {receipt['reason']}"


STORIES = (
    Story("A payment succeeds", "paid", succeeds),
    Story("The provider declines", "declined: no funds", declined),
)
