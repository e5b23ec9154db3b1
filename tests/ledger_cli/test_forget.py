"""`gateway ledger forget` on a running gateway."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import signed

Beside = Callable[..., str]


def test_a_callback_is_forgotten_by_a_running_gateway(gateway: RunningGateway, beside: Beside) -> None:
    mark = os.urandom(12).hex()
    issued = gateway.issue(label=mark, metadata={"who": mark})
    webhook = signed(b'{"type":"payment.succeeded","data":{"who":"%b"}}' % mark.encode())

    refused = beside("forget", issued.id, code=1)
    assert "the callback is open" in refused
    assert "409 conflict" in refused

    assert gateway.send(issued.path, webhook).json() == {"outcome": "completed"}
    gateway.wait_for_outcome(issued.id, "completed")
    assert _files_with(gateway, mark) != []
    printed = beside("forget", issued.id)
    assert printed == (
        f"{issued.id}: forgotten: 1 deliveries and 1 events have lost their data. The bytes are overwritten. "
        "Backups made before still hold it.\n"
    )
    assert _files_with(gateway, mark) == []
    assert gateway.send(issued.path, webhook).json() == {"outcome": "duplicate"}
    shown = gateway.callback(issued.id)
    assert (shown["state"], shown["label"], shown["metadata"]) == ("completed", "", None)


def test_forgetting_for_programs_and_what_is_not_there(gateway: RunningGateway, beside: Beside) -> None:
    issued = gateway.issue()
    gateway.api.post(f"/v1/callbacks/{issued.id}/close").raise_for_status()
    assert "there is no callback with this id" in beside("forget", issued.id, client="other", code=1)
    assert "there is no callback with this id" in beside("forget", "cb_none", code=1)
    answer = json.loads(beside("forget", issued.id, "--json"))
    assert answer == {"id": issued.id, "deliveries": 0, "events": 0, "overwritten": True}


def _files_with(gateway: RunningGateway, text: str) -> list[str]:
    return [file.name for file in gateway.directory.glob("gateway.db*") if text.encode() in file.read_bytes()]
