"""Targets are checked with Restate's admin API when a callback is issued: a typo shows then."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import respx

from gateway.admin import RestateAdmin
from gateway.errors import Invalid
from gateway.targets import Handler, WorkflowPromise

PROMISE = WorkflowPromise("Checkout", "order/42", "paid")


@pytest.fixture
async def admin() -> AsyncIterator[RestateAdmin]:
    admin = RestateAdmin("http://restate:9070")
    yield admin
    await admin.close()


@pytest.fixture
def restate() -> respx.MockRouter:
    return respx.mock(base_url="http://restate:9070", using="httpx", assert_all_called=False)


async def test_a_handler_that_is_there_is_asked_for_once_a_minute(
    admin: RestateAdmin, restate: respx.MockRouter
) -> None:
    with restate:
        there = restate.get("/services/Checkout/handlers/gateway_callback").respond(200, json={})
        await admin.check(PROMISE)
        await admin.check(PROMISE)
    assert there.call_count == 1


async def test_a_handler_that_is_missing_is_refused_with_what_to_do(
    admin: RestateAdmin, restate: respx.MockRouter
) -> None:
    with restate:
        restate.get("/services/Checkout/handlers/gateway_callback").respond(404)
        with pytest.raises(Invalid, match=r"no handler Checkout/gateway_callback.*callbacks\.bind"):
            await admin.check(PROMISE)


async def test_a_handler_that_comes_later_is_found_then(
    admin: RestateAdmin, restate: respx.MockRouter
) -> None:
    target = Handler("Inbox", None, "deliver")
    with restate:
        restate.get("/services/Inbox/handlers/deliver").mock(
            side_effect=[httpx.Response(404), httpx.Response(200)]
        )
        with pytest.raises(Invalid):
            await admin.check(target)
        await admin.check(target)


@pytest.mark.parametrize("trouble", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow")])
async def test_an_admin_api_that_is_away_hinders_nothing(
    admin: RestateAdmin, restate: respx.MockRouter, trouble: Exception
) -> None:
    with restate:
        restate.get("/services/Checkout/handlers/gateway_callback").mock(side_effect=trouble)
        await admin.check(PROMISE)
