"""A provider's delivery beside a flood."""

from __future__ import annotations

import time

from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import event


def deliver(gateway: RunningGateway) -> float:
    """
    Bring a genuine delivery for a new callback; the seconds until it was taken.

    As a provider does, again where the answer is to try later: others have the machine as well.
    """
    path, webhook = gateway.issue().path, event()
    begun = time.monotonic()
    while (answer := gateway.send(path, webhook)).status_code == 503:
        assert time.monotonic() - begun < 10, answer.text
    assert answer.status_code in (200, 202), answer.text
    return time.monotonic() - begun
