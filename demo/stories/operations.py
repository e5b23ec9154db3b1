"""What ops do, and what happens to them, while payments wait."""

from __future__ import annotations

from demo.stage import Stage
from demo.story import Story


def rotation(stage: Stage) -> str:
    old = stage.charge()
    old_key = newest_key(stage)
    added = stage.stack.keys("add").partition(":")[0]
    taken_up(stage, added, "enabled")
    stage.stack.keys("promote", added)
    taken_up(stage, added, "primary")
    stage.say(f"A payment waits under key {old_key}. Ops: gateway keys add, gateway keys promote {added}.")
    new = stage.charge()
    new_key = newest_key(stage)
    stage.say(f"No restart. The next payment's URL is signed with {new_key}.")
    for waiting in (old, new):
        stage.one_webhook(waiting.payment, "payment.succeeded")
    receipts = {stage.result(waiting.invocation)["status"] for waiting in (old, new)}
    stage.say("The old URL was taken as well as the new one.")
    key = "new key" if new_key == added != old_key else "old key"
    return f"both {' and '.join(receipts)}, {key}"


def taken_up(stage: Stage, key_id: str, status: str) -> None:
    """Wait until the running gateway has a key with a status."""

    def seen() -> bool:
        keys = stage.stack.gateway_api.get("/v1/keys").json()
        return any(key["id"] == key_id and key["status"] == status for key in keys)

    stage.until("the gateway takes the key up", seen)


def newest_key(stage: Stage) -> str:
    """The key of the newest callback."""
    return str(stage.stack.gateway_api.get("/v1/callbacks").json()["callbacks"][0]["key_id"])


def killed(stage: Stage) -> str:
    waiting = stage.charge()
    gateway = stage.stack.gateway
    gateway.kill()
    stage.say("The gateway is killed with SIGKILL while a payment waits.")
    stage.webhook(waiting.payment, "payment.succeeded", background=True)
    stage.say("AcmePay finds nobody, and will try again as it always does.")
    gateway.start()
    gateway.wait_ready()
    stage.say("The gateway is started again; its ledger and keys are where they were.")
    receipt = stage.result(waiting.invocation)
    return str(receipt["status"])


STORIES = (
    Story("A signing key is rotated", "both paid, new key", rotation),
    Story("The gateway is killed", "paid", killed),
)
