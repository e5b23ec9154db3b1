"""People who decide, in time or not."""

from __future__ import annotations

import secrets

from demo.stage import Stage
from demo.story import Story

REVIEWER = "bob@example.com"


def approval(stage: Stage) -> str:
    bob = f"{secrets.token_hex(4)}-{REVIEWER}"
    asked = {"title": "Pay the invoice?", "fields": {"Amount": "42.00 EUR"}, "approvers": [bob]}
    invocation = stage.start("Approvals/request", asked)
    link = stage.email(bob)["link"]
    opened = {stage.stack.public.get(link).status_code for _ in range(3)}
    stage.is_suspended(invocation)
    stage.say(f"A mail scanner opens Bob's link three times ({opened.pop()}): nothing is decided.")
    status = stage.decide(link, "approve", "Fine with me.")
    stage.say(f"Bob opens it, writes a comment and presses Approve: {status}.")
    answer = stage.result(invocation)
    return f"{answer['status']} by Bob" if answer["by"] == bob else str(answer)


def timeout(stage: Stage) -> str:
    bob = f"{secrets.token_hex(4)}-{REVIEWER}"
    asked = {"title": "Quickly: pay the invoice?", "approvers": [bob], "wait": 1}
    invocation = stage.start("Approvals/request", asked)
    link = stage.email(bob)["link"]
    answer = stage.result(invocation)
    page = stage.stack.public.get(link)
    stage.say(f"Nobody answered within 1 s, so the handler went on. Bob's link is {page.status_code} now.")
    return f"{answer['status']}, {page.status_code}"


STORIES = (
    Story("A person approves", "approved by Bob", approval),
    Story("Nobody approves in time", "timed out, 410", timeout),
)
