"""Workflows, which wait on promises that have names."""

from __future__ import annotations

import secrets

from demo.stage import Stage
from demo.stories.people import REVIEWER
from demo.story import Story


def checkout(stage: Stage) -> str:
    cart = f"cart-{secrets.token_hex(4)}"
    invocation = stage.start(f"Checkout/{cart}/run", {"total": 1999})
    payment = stage.payment(f"cart {cart}")
    stage.say("The workflow waits on its promise 'payment'; the gateway will call its shared handler.")
    answer = stage.one_webhook(payment, "payment.succeeded")
    confirmation = stage.result(invocation)
    stage.say(f"AcmePay says payment.succeeded ({answer}), and the workflow confirms the cart.")
    return f"{confirmation['amount'] / 100:.2f} paid"


def onboarding(stage: Stage) -> str:
    name = f"Ann {secrets.token_hex(4)}"
    address = f"{name.split()[1]}@example.com"
    key = name.replace(" ", "-").lower()
    applicant = {"name": name, "email": address, "reviewer": f"{key}-{REVIEWER}"}
    invocation = stage.start(f"Onboarding/{key}/run", applicant)

    email = stage.email(address)
    stage.stack.world.post(f"/v1/emails/{email['id']}/click", json={"address": "verified"})
    stage.say("Step 1: Ann clicks the link in her mail; the mail service confirms the address.")

    def check() -> str | None:
        checks = stage.stack.world.get("/v1/checks", params={"applicant": name}).json()
        return checks[0]["id"] if checks else None

    check_id = stage.until("IDCheck has the document", check)
    stage.stack.world.post(f"/v1/checks/{check_id}/simulate", json={"result": "clear"})
    stage.say("Step 2: IDCheck, which signs its own way, says that her document is clear.")

    stage.decide(stage.email(applicant["reviewer"])["link"], "approve")
    stage.say("Step 3: a reviewer opens the page that the gateway shows, and presses Approve.")
    return str(stage.result(invocation)["status"])


STORIES = (
    Story("A checkout workflow", "19.99 paid", checkout),
    Story("Onboarding in three steps", "approved", onboarding),
)
