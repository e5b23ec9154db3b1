"""Whether an invocation waits, asked now: of a real server, one without the route, and one that is away."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import respx

from gateway.admin import RestateAdmin
from gateway.invocations import invocation_id
from gateway.ledger import Ledger
from gateway.secret import Secret
from gateway.status import Status
from gateway.targets import Awakeable
from stack.stack import Stack
from tests.gateway.process import new_awakeable
from tests.ledger.samples import callback, issue
from tests.waiting.waiters import Waiters

DEAD, NEW = "http://dead:8080", "http://new:8080"
#: What 1.7.12 says of an invocation that it does not know, and what a server without the route says.
NO_INVOCATION = httpx.Response(404, json={"code": 404, "message": "invocation not found"})
NO_ROUTE = httpx.Response(404, json={"code": 404, "message": "not found"})


@pytest.fixture
async def status(ledger: Ledger) -> AsyncIterator[Status]:
    made = Status(ledger, [NEW], None, Secret(b"a token for the ingress"))
    yield made
    await made.close()


async def awakeable(ledger: Ledger) -> Awakeable:
    """The awakeable of a new open callback."""
    target = Awakeable(new_awakeable())
    await issue(ledger, callback(target=target))
    return target


@pytest.fixture
def network() -> Iterator[respx.MockRouter]:
    with respx.mock(using="httpx", assert_all_called=False) as router:
        yield router


def route(network: respx.MockRouter, of: Awakeable, url: str = NEW) -> respx.Route:
    """The status route of an awakeable's invocation."""
    return network.get(f"{url}/restate/status/{invocation_id(of)}")


@pytest.mark.parametrize(
    ("stage", "expected"),
    [("created", "waiting"), ("started", "waiting"), ("completed", "finished"), ("a new one", "unknown")],
)
async def test_the_stage_says_whether_it_waits(
    status: Status, ledger: Ledger, network: respx.MockRouter, stage: str, expected: str
) -> None:
    one = await awakeable(ledger)
    asked = route(network, one).respond(json={"stage": stage})
    assert await status.of(one) == expected
    assert asked.calls.last.request.headers["authorization"] == "Bearer a token for the ingress"


async def test_a_server_without_the_route_leaves_it_unknown(
    status: Status, ledger: Ledger, network: respx.MockRouter
) -> None:
    one, _ = await awakeable(ledger), await awakeable(ledger)
    network.get(url__startswith=NEW).mock(return_value=NO_ROUTE)
    assert await status.of(one) == "unknown"


@pytest.mark.parametrize(
    ("other", "expected"), [("started", "finished"), ("completed", "unknown"), (None, "unknown")]
)
async def test_one_that_is_not_found_is_finished_only_where_another_is_found_waiting(
    status: Status, ledger: Ledger, network: respx.MockRouter, other: str | None, expected: str
) -> None:
    one, witness = await awakeable(ledger), await awakeable(ledger)
    if other is not None:
        route(network, witness).respond(json={"stage": other})
    network.get(url__startswith=NEW).mock(return_value=NO_INVOCATION)
    assert await status.of(one) == expected


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError("cut"),
        httpx.Response(500),
        httpx.Response(202),
        httpx.Response(200, content=b"not JSON"),
        httpx.Response(200, json=["a list"]),
        httpx.Response(200, json={}),
        httpx.Response(302, headers={"location": f"{NEW}/elsewhere"}),
    ],
    ids=str,
)
async def test_trouble_is_unknown_and_no_error(
    status: Status, ledger: Ledger, network: respx.MockRouter, answer: httpx.Response | Exception
) -> None:
    one = await awakeable(ledger)
    network.get(url__startswith=NEW).mock(side_effect=[answer])
    assert await status.of(one) == "unknown"


async def test_another_address_is_asked_where_the_first_is_away(
    ledger: Ledger, network: respx.MockRouter
) -> None:
    status = Status(ledger, [DEAD, NEW])
    one = await awakeable(ledger)
    route(network, one, DEAD).mock(side_effect=httpx.ConnectError("refused"))
    route(network, one).respond(json={"stage": "started"})
    assert await status.of(one) == "waiting"
    await status.close()


async def test_a_restate_that_never_answers_costs_a_second_at_most(ledger: Ledger) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        admin = RestateAdmin(url)
        status = Status(ledger, [url, url, url], admin)
        one = await awakeable(ledger)
        began = time.monotonic()
        assert await status.of(one) == "unknown"
        assert time.monotonic() - began < 1.3
        await status.close()
        await admin.close()


@pytest.mark.parametrize("with_admin", [True, False])
async def test_a_real_restate_is_understood_with_and_without_its_admin_api(
    stack: Stack, waiters: Waiters, ledger: Ledger, with_admin: bool
) -> None:
    over, missing, live = (waiters.start() for _ in range(3))
    ids = {one.invocation: one for one in waiters.issued(over, missing, live)}
    waiters.end(ids[over], "kill")
    waiters.end(ids[missing], "purge")
    admin = RestateAdmin(stack.restate.admin_url)
    status = Status(ledger, [stack.restate.ingress_url], admin if with_admin else None)
    targets = {of: waiters.awakeable(one) for of, one in ids.items()}
    assert await status.of(targets[over]) == "finished"
    assert await status.of(targets[live]) == "waiting"
    # Nothing else is known to wait: the ledger of this test has no callback yet.
    assert await status.of(targets[missing]) == "unknown"
    await issue(ledger, callback(target=targets[live]))
    assert await status.of(targets[missing]) == "finished"
    await status.close()
    await admin.close()
