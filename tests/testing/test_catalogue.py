"""Every provider of the catalogue can be played: what it signs is taken, and what is spoilt is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.providers import CATALOGUE
from gateway.providers.signatures.jwt import JwtScheme
from gateway.testing import Callback, SimulatedProvider, WebhookGateway, running

#: An id that may stand where a number does.
OBJECT = "987654321"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebhookGateway]:
    with running(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


async def addressed(gateway: WebhookGateway, name: str) -> tuple[SimulatedProvider, Callback, str | None]:
    """A provider, a callback that its success completes, and what that has to be about."""
    provider = gateway.provider(name)
    callback = await gateway.callback(provider, succeed_on=None if CATALOGUE[name].succeed_on else ["*"])
    if callback.url is not None or CATALOGUE[name].reference_field is not None:
        return provider, callback, None
    await callback.alias(OBJECT)
    return provider, callback, OBJECT


@pytest.mark.parametrize("name", CATALOGUE)
async def test_a_genuine_success_completes_a_callback_once(gateway: WebhookGateway, name: str) -> None:
    provider, callback, about = await addressed(gateway, name)
    answers = await provider.deliver(to=callback, about=about, times=2)
    assert all(answer.status in range(200, 300) for answer in answers)
    # Some samples are batches, with events of other types in them.
    assert callback.outcomes[0] == "completed"
    assert set(callback.outcomes[1:]) <= {"duplicate", "filtered"}
    assert "duplicate" in callback.outcomes
    (received,) = callback.received
    assert (received.how, received.value["provider"]) == ("resolve", name)
    assert provider.secret or not CATALOGUE[name].signed


@pytest.mark.parametrize("name", CATALOGUE)
async def test_what_is_spoilt_is_refused(gateway: WebhookGateway, name: str) -> None:
    provider, callback, about = await addressed(gateway, name)
    known = CATALOGUE[name]
    refused = known.responses.unverified.status if known.responses.unverified else 401
    timed = getattr(known.scheme, "timestamp", None) is not None or isinstance(known.scheme, JwtScheme)
    spoilt = [{"tamper": True}] * (known.covers != "nothing") + [{"stale": True}] * (
        timed and name != "dropbox-sign"
    )
    for how in spoilt:
        (answer,) = await provider.deliver(to=callback, about=about, **how)  # type: ignore[arg-type]
        assert (answer.status, callback.outcomes) == (refused, []), how
