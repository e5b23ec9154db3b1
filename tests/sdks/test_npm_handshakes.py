"""Libraries from npm answer what their providers ask at registration, and we answer the same."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from gateway.delivery import Challenge, Delivery, Headers
from tests.providers.samples import PROVIDERS, SECRETS, URL, key, keys, sample
from tests.sdks.node import Node


@pytest.mark.xdist_group("autohook")
def test_x_is_answered_as_its_own_library_does(node: Node) -> None:
    asked = Delivery("GET", f"{URL}&crc_token=MDI4NWE4ZjUtYzkz", Headers(), b"", time.time())
    ours = PROVIDERS["twitter"].greet(asked, keys("twitter"))
    assert ours
    first, second = SECRETS["twitter"]
    assert json.loads(ours.answer.body) == node.greet("autohook", "twitter", asked, first)
    assert json.loads(ours.answer.body) != node.greet("autohook", "twitter", asked, second)


@pytest.mark.xdist_group("zoom")
def test_zoom_is_answered_as_its_own_library_does(node: Node) -> None:
    now = time.time()
    question = {
        "event": "endpoint.url_validation",
        "event_ts": int(now * 1000),
        "payload": {"plainToken": "qgg8vlvZ"},
    }
    body = json.dumps(question, separators=(",", ":")).encode()
    provider = PROVIDERS["zoom"]
    asked, under_another = (
        provider.scheme.sign(replace(sample("zoom").delivery, body=body), key("zoom", place), now)
        for place in (0, 1)
    )
    ours = provider.read(asked, keys("zoom"))
    assert isinstance(ours, Challenge)
    first, second = SECRETS["zoom"]
    assert json.loads(ours.answer.body) == node.greet("zoom", "zoom", asked, first)
    assert json.loads(ours.answer.body) != node.greet("zoom", "zoom", under_another, second)
