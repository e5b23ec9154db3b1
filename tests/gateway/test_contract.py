"""The public contract, row by row: what is acknowledged, and what is over."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable

import pytest

from tests.gateway.conftest import Send
from tests.gateway.ingress import FakeIngress, Reaction
from tests.gateway.process import RunningGateway
from tests.gateway.webhooks import FOREIGN_SECRET, event


class TestAcknowledged:
    def test_an_event_that_is_not_final_is_filtered(self, gateway: RunningGateway, send: Send) -> None:
        callback = gateway.issue()
        answer = send(callback.path, event("payment.processing"))
        assert (answer.status, answer.body) == (200, b'{"outcome":"filtered"}')
        assert gateway.callback(callback.id)["state"] == "open"

    def test_an_event_of_the_account_that_nobody_waits_for_is_unmatched(self, send: Send) -> None:
        answer = send("/s/pay", event(reference="00000000000000000000"))
        assert (answer.status, answer.body) == (200, b'{"outcome":"unmatched"}')

    def test_an_event_of_the_account_finds_its_callback_by_reference(
        self, gateway: RunningGateway, ingress: FakeIngress, send: Send
    ) -> None:
        callback = gateway.issue()
        answer = send("/s/pay", event(reference=callback.reference))
        assert (answer.status, answer.body) == (200, b'{"outcome":"completed"}')
        assert len(ingress.calls_for(callback.awakeable)) == 1

    def test_every_event_of_a_stream_is_progress_until_the_final_one(
        self, gateway: RunningGateway, ingress: FakeIngress, send: Send
    ) -> None:
        target = {"service": "Inbox", "key": os.urandom(8).hex(), "handler": "take"}
        callback = gateway.issue(target=target)
        kinds = ["payment.processing", "payment.processing", "payment.succeeded"]
        outcomes = [json.loads(send(callback.path, event(kind)).body)["outcome"] for kind in kinds]
        assert outcomes == ["progress", "progress", "completed"]
        calls = ingress.calls_for(callback.id)
        assert [json.loads(call.body)["sequence"] for call in calls] == [1, 2, 3]
        assert {call.path for call in calls} == {f"/restate/send/Inbox/{target['key']}/take"}

    def test_a_failing_event_rejects_the_awakeable_with_its_reason(
        self, gateway: RunningGateway, ingress: FakeIngress, send: Send
    ) -> None:
        callback = gateway.issue()
        answer = send(callback.path, event("payment.declined", event_id="msg_declined", reason="no money"))
        assert (answer.status, answer.body) == (200, b'{"outcome":"completed"}')
        (call,) = ingress.calls_for(callback.awakeable)
        assert call.path.endswith("/reject")
        assert call.body == b"payment.declined: no money (event msg_declined)"
        assert gateway.callback(callback.id)["state"] == "failed"

    def test_an_event_that_restate_refuses_for_good_is_dead(
        self, gateway: RunningGateway, ingress: FakeIngress, send: Send
    ) -> None:
        callback = gateway.issue()
        ingress.react = lambda call: Reaction(400 if callback.awakeable in call.path else 202)
        answer = send(callback.path, event())
        assert (answer.status, answer.body) == (200, b'{"outcome":"dead"}')
        # The provider does not wait for this note.
        gateway.wait_for_outcome(callback.id, "dead", seconds=5)
        assert gateway.callback(callback.id)["deliveries"][0]["error"] == "HTTP 400"


class TestGone:
    """What is over is 410 on its own URL and 200 on the account's, where 410 would switch that off."""

    @pytest.fixture
    def over(self, gateway: RunningGateway) -> Callable[[str], tuple[str, str, str]]:
        """A callback that is over in a way: its path, its reference, its id."""

        def make(how: str) -> tuple[str, str, str]:
            callback = gateway.issue(expires_in=1 if how == "expired" else 3600)
            if how == "late":
                gateway.api.post(f"/v1/callbacks/{callback.id}/close").raise_for_status()
            elif how == "revoked":
                gateway.api.delete(f"/v1/callbacks/{callback.id}").raise_for_status()
            else:
                time.sleep(2.1)
            return callback.path, callback.reference, callback.id

        return make

    @pytest.mark.parametrize("how", ["late", "revoked", "expired"])
    def test_what_comes_too_late_is_recorded_and_answered(
        self,
        gateway: RunningGateway,
        ingress: FakeIngress,
        send: Send,
        over: Callable[[str], tuple[str, str, str]],
        how: str,
    ) -> None:
        path, reference, callback_id = over(how)
        outcome = b'{"outcome":"%s"}' % how.encode()
        on_its_own = send(path, event())
        assert (on_its_own.status, on_its_own.body) == (410, outcome)
        on_the_accounts = send("/s/pay", event(reference=reference))
        assert (on_the_accounts.status, on_the_accounts.body) == (200, outcome)
        assert gateway.outcomes(callback_id) == [how, how]
        assert ingress.calls_for(callback_id) == []

    def test_a_forged_event_for_what_is_over_is_401(
        self, send: Send, over: Callable[[str], tuple[str, str, str]]
    ) -> None:
        path, _, _ = over("late")
        assert send(path, event(secret=FOREIGN_SECRET)).status == 401
