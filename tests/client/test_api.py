"""The gateway's HTTP API as the client uses it: what is tried again, what is final, what never shows."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import respx
from restate import TerminalError

from gateway.client.api import GatewayApi, GatewayUnavailable
from gateway.secret import Secret

URL = "http://gateway:8001"
TOKEN = "a-token-that-must-not-show"
API = GatewayApi(URL, Secret(TOKEN))
CALLBACKS = f"{URL}/v1/callbacks"


@pytest.fixture
def network() -> respx.MockRouter:
    return respx.mock(using="httpx")


async def issue(api: GatewayApi = API) -> dict[str, object]:
    return await api.issue("/v1/callbacks", {"source": "acmepay"}, "key-1")


async def test_issuing_sends_the_token_and_the_key(network: respx.MockRouter) -> None:
    with network:
        route = network.post(CALLBACKS).respond(201, json={"id": "cb_1"})
        assert await issue() == {"id": "cb_1"}
    (call,) = route.calls
    assert call.request.headers["authorization"] == f"Bearer {TOKEN}"
    assert call.request.headers["idempotency-key"] == "key-1"
    assert call.request.read() == b'{"source":"acmepay"}'


@pytest.mark.parametrize("status", [301, 302, 408, 429, 500, 502, 503, 504])
async def test_what_may_pass_is_no_terminal_error(network: respx.MockRouter, status: int) -> None:
    with network:
        network.post(CALLBACKS).respond(status, headers={"location": "http://elsewhere/"})
        with pytest.raises(GatewayUnavailable):
            await issue()


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError])
async def test_a_broken_connection_is_no_terminal_error(
    network: respx.MockRouter, failure: type[httpx.TransportError]
) -> None:
    with network:
        network.post(CALLBACKS).mock(side_effect=failure)
        with pytest.raises(failure):
            await issue()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
async def test_a_refusal_is_terminal_and_has_the_gateways_words(
    network: respx.MockRouter, status: int
) -> None:
    problem = {"title": "No", "detail": "source: there is none", "code": "invalid", "request_id": "req_1"}
    with network:
        network.post(CALLBACKS).respond(status, json=problem)
        with pytest.raises(
            TerminalError, match=f"source: there is none .{status} invalid, request req_1"
        ) as error:
            await issue()
    assert error.value.status_code == status


@pytest.mark.parametrize("body", ["<html>", "[]", ""])
async def test_a_refusal_by_something_else_is_terminal_too(network: respx.MockRouter, body: str) -> None:
    with network:
        network.post(CALLBACKS).respond(404, text=body)
        with pytest.raises(TerminalError, match="no reason given"):
            await issue()


async def test_an_answer_that_is_not_json_is_tried_again(network: respx.MockRouter) -> None:
    with network:
        network.post(CALLBACKS).respond(200, text="<html>")
        with pytest.raises(ValueError, match="Expecting value"):
            await issue()


@pytest.mark.parametrize("state", ["closed", "expired", "revoked"])
async def test_closing_what_is_over_is_closed(network: respx.MockRouter, state: str) -> None:
    with network:
        network.post(f"{CALLBACKS}/cb_1/close").respond(200, json={"id": "cb_1", "state": state})
        assert await API.close("cb_1") is True


async def test_closing_tells_where_an_event_came_first(network: respx.MockRouter) -> None:
    with network:
        network.post(f"{CALLBACKS}/cb_1/close").respond(409, json={"code": "completing"})
        assert await API.close("cb_1") is False


async def test_another_conflict_is_a_refusal(network: respx.MockRouter) -> None:
    with network:
        network.post(f"{CALLBACKS}/cb_1/close").respond(409, json={"code": "conflict"})
        with pytest.raises(TerminalError, match="refused to close"):
            await API.close("cb_1")


async def test_a_token_in_a_file_is_read_for_every_call(network: respx.MockRouter, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    api = GatewayApi(URL, file)
    with network:
        route = network.post(CALLBACKS).respond(201, json={})
        await issue(api)
        file.write_text("second\n")
        await issue(api)
    assert [call.request.headers["authorization"] for call in route.calls] == [
        "Bearer first",
        "Bearer second",
    ]


@pytest.mark.parametrize("token", ["", " ", "two words", "line\nend", "ünicode", "\x00"])
def test_a_token_that_no_header_can_carry_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ValueError, match="GATEWAY_TOKEN") as error:
        GatewayApi(URL, Secret(token))
    assert not token.strip() or token not in str(error.value)


@pytest.mark.parametrize("url", ["", "gateway:8001", "ftp://gateway", "//gateway"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="GATEWAY_URL"):
        GatewayApi(url, Secret(TOKEN))


def test_the_token_is_in_no_repr() -> None:
    assert TOKEN not in repr(API)


async def test_a_proxy_of_the_environment_is_not_used(
    network: respx.MockRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    # httpx refuses to make a client for such a proxy, if it looks at it.
    monkeypatch.setenv("HTTP_PROXY", "ftp://proxy")
    with network:
        network.post(CALLBACKS).respond(201, json={"id": "cb_1"})
        assert await issue() == {"id": "cb_1"}
