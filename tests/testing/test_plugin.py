"""The plugin in a stranger's project: it is there once the package is installed, and costs nothing unused."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from gateway.client import Callbacks
from gateway.errors import ConfigurationError
from gateway.testing import WebhookGateway, running

#: A service that asks for a URL over plain HTTP, as one in any language does, and its test without a loop.
PROJECT = '''
import asyncio
import json
import urllib.request


def order_url(gateway_url, token, awakeable):
    """What the service under test does: ask for a URL that it can hand on."""
    request = urllib.request.Request(
        gateway_url + "/v1/callbacks",
        json.dumps({"source": "checks", "target": {"awakeable": awakeable}, "label": "check-7"}).encode(),
        {"authorization": f"Bearer {token}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["url"]


def test_a_check_is_awaited(webhook_gateway):
    checks = webhook_gateway.provider("standard-webhooks", source="checks", succeed_on=["check.clear"])
    env = webhook_gateway.env
    url = order_url(env["GATEWAY_URL"], env["GATEWAY_TOKEN"], "sign_1" + "p" * 32 + "AAAAEQ")

    async def play():
        callback = await webhook_gateway.issued("checks", label="check-7")
        return callback, await checks.deliver("check.clear", to=url, times=2, concurrency=2)

    callback, answers = asyncio.run(play())
    assert sorted(answer.outcome for answer in answers) == ["completed", "duplicate"]
    assert callback.received[0].value["type"] == "check.clear"
'''
BREAKING = """
import asyncio

def test_that_fails(webhook_gateway):
    asyncio.run(webhook_gateway.provider("stripe").deliver(tamper=True))
    assert False
"""


def test_a_stranger_s_project_has_the_fixture(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PROJECT)
    # Of the plugins beside ours none is needed.
    ended = pytester.runpytest_subprocess("-p", "no:asyncio", "-W", "error")
    ended.assert_outcomes(passed=1)


def test_what_the_gateway_refused_is_shown_where_a_test_fails(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(BREAKING)
    ended = pytester.runpytest_subprocess("-p", "no:asyncio")
    ended.assert_outcomes(failed=1)
    ended.stdout.fnmatch_lines(["*Captured log call*", "WARNING*gateway*no signature fits*"])


def test_without_the_gateway_s_packages_the_extra_is_named(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('import sys\n\nsys.modules["uvloop"] = None\n')
    pytester.makepyfile("def test_it(webhook_gateway): pass")
    ended = pytester.runpytest_subprocess("-p", "no:asyncio")
    ended.assert_outcomes(errors=1)
    ended.stdout.fnmatch_lines(["*uvloop is not installed: pip install 'webhook-gateway[[]testing[]]'*"])


def test_the_plugin_imports_nothing_until_the_fixture_is_used() -> None:
    said = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import pytest, sys; before = set(sys.modules); import gateway.pytest_plugin; "
            "print(*sorted(set(sys.modules) - before))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.split() == ["gateway", "gateway.pytest_plugin"]


def test_the_service_is_told_by_its_environment(
    webhook_gateway: WebhookGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in webhook_gateway.env.items():
        monkeypatch.setenv(name, value)
    assert isinstance(Callbacks.from_env(), Callbacks)
    assert isinstance(webhook_gateway.callbacks, Callbacks)
    assert webhook_gateway.env == {
        "GATEWAY_URL": webhook_gateway.url,
        "GATEWAY_TOKEN": webhook_gateway.token,
    }


def test_its_token_is_a_service_s_and_no_more(webhook_gateway: WebhookGateway) -> None:
    bearer = {"authorization": f"Bearer {webhook_gateway.token}"}
    others = f"{webhook_gateway.url}/v1/callbacks?client=kit"
    assert httpx.get(others, headers=bearer, trust_env=False).status_code == 403


def test_what_the_environment_says_is_for_another_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_PUBLIC_URL", "https://hooks.example.com")
    monkeypatch.setenv("RESTATE_INGRESS_URL", "http://127.0.0.1:9")
    with running(tmp_path) as gateway:
        assert gateway.provider("stripe").url.startswith("http://127.0.0.1:")


def test_what_keeps_a_gateway_from_starting_is_raised(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with (
        pytest.raises(ConfigurationError, match="would be open to everyone"),
        running(tmp_path, ingress_url="http://8.8.8.8:8080"),
    ):
        pass
    # Its ledger can't be there.
    (tmp_path / "gateway.db").mkdir()
    with pytest.raises(ConfigurationError, match=r"gateway\.db"), running(tmp_path):
        pass
    assert set(threading.enumerate()) <= before


def test_nothing_is_left_of_it(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with running(tmp_path / "gateway") as gateway:
        assert set(threading.enumerate()) > before
        assert httpx.get(f"{gateway.public_url}/livez", trust_env=False).status_code == 200
    assert set(threading.enumerate()) <= before
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{gateway.public_url}/livez", trust_env=False)
    assert (tmp_path / "gateway" / "gateway.toml").stat().st_mode & 0o077 == 0
