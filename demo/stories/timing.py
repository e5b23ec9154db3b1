"""Events that come too early and too late."""

from __future__ import annotations

from demo.stage import Stage
from demo.story import Story


def early(stage: Stage) -> str:
    waiting = stage.charge(busy=1.5)
    answer = stage.one_webhook(waiting.payment, "payment.succeeded")
    stage.say(f"The handler is busy elsewhere for 1.5 s, and the event is here already: {answer}.")
    receipt = stage.result(waiting.invocation)
    stage.say("When the handler asked for the event, it was there.")
    return str(receipt["status"])


def late(stage: Stage) -> str:
    waiting = stage.charge(wait=1)
    receipt = stage.result(waiting.invocation)
    stage.say("The handler waited for 1 s, closed the callback, and went on without the payment.")
    answer = stage.one_webhook(waiting.payment, "payment.succeeded")
    outcome = newest_outcome(stage)
    stage.say(f"Then AcmePay says payment.succeeded: {answer.status}, and the event is kept as {outcome}.")
    return f"{receipt['status']}, {answer.status} {outcome}"


def newest_outcome(stage: Stage) -> str:
    """What became of the last event of the newest callback."""
    page = stage.stack.gateway_api.get("/v1/callbacks").json()
    newest = stage.stack.gateway_api.get(f"/v1/callbacks/{page['callbacks'][0]['id']}").json()
    return str(newest["deliveries"][-1]["outcome"])


STORIES = (
    Story("A callback before the wait", "paid", early),
    Story("A callback after the timeout", "timed out, 410 late", late),
)
