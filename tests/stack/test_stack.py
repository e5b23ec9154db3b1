"""The whole stack is up, wired, and survives the death of its parts."""

from __future__ import annotations

import os
import signal

import httpx
import pytest

from stack.stack import Stack


def test_every_part_is_ready_and_every_service_is_registered(stack: Stack) -> None:
    ready = stack.gateway_api.get("/readyz").json()
    assert (ready["ready"], ready["closed_sources"], ready["absent_secrets"]) == (True, [], [])

    services = {row["name"] for row in stack.restate.query("select name from sys_service")}
    assert {"Payments", "Checkout", "Onboarding", "Approvals", "Subscriptions"} <= services


def test_the_internal_api_knows_the_stack_as_a_client_and_nobody_else(stack: Stack) -> None:
    assert stack.gateway_api.get("/v1/sources").status_code == 200
    assert httpx.get(f"{stack.internal_url}/v1/sources", trust_env=False).status_code == 401


@pytest.mark.parametrize("name", ["gateway", "services"])
def test_a_part_that_was_killed_is_back_on_its_address(stack: Stack, name: str) -> None:
    part = getattr(stack, name)
    before = part.pid
    os.kill(before, signal.SIGKILL)
    part.join()
    part.start()
    part.wait_ready()
    assert part.pid not in (None, before)


@pytest.mark.parametrize("name", ["gateway", "services"])
def test_a_part_ends_by_itself_on_sigterm(stack: Stack, name: str) -> None:
    part = getattr(stack, name)
    try:
        assert part.stop(seconds=10) == 0
    finally:
        part.start()
        part.wait_ready()


def test_keys_are_rotated_as_ops_would_do_it(stack: Stack) -> None:
    added = stack.keys("add").partition(":")[0]
    stack.keys("promote", added)
    assert f"{added:<17} primary" in stack.keys("list")
