"""A gateway with sources for every kind of refusal, that can be configured anew."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.command import Ended, run
from tests.gateway.ingress import ACCEPT, FakeIngress, Reaction
from tests.gateway.process import Issued, RunningGateway
from tests.gateway.webhooks import Webhook

SECRET = "0123456789abcdef0123456789abcdef"
_MORE = f"""
# Its URL is signed: a replay has to mint it again.
[sources.urls]
provider = "hmac"
secrets = ["{SECRET}"]
succeed_on = ["paid"]
[sources.urls.hmac]
header = "X-Signature"
signed = "{{url}}.{{body}}"
event_id = "id"
# One URL for the account: callbacks are found by alias.
[sources.shop]
provider = "hmac"
secrets = ["{SECRET}"]
succeed_on = ["paid"]
[sources.shop.hmac]
header = "X-Signature"
event_id = "id"
object = "payment"
[sources.chat]
provider = "slack"
secrets = ["{SECRET}"]
"""


def by_hmac(document: dict[str, Any] | bytes, url: str = "", secret: str = SECRET) -> Webhook:
    """A webhook of the sources `urls` (with the URL that it is sent to) and `shop`."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    signed = f"{url}.".encode() + body if url else body
    signature = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return Webhook(body, {"content-type": "application/json", "x-signature": signature})


def by_slack(document: dict[str, Any]) -> Webhook:
    """A webhook of the source `chat`."""
    body, now = json.dumps(document).encode(), str(int(time.time()))
    signature = hmac.new(SECRET.encode(), f"v0:{now}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": now, "x-slack-signature": f"v0={signature}"}
    return Webhook(body, {"content-type": "application/json"} | headers)


class Lab(RunningGateway):
    """A running gateway whose deliveries are looked at and done again; `ingress` is Restate to it."""

    def __init__(self, directory: Path, ingress: FakeIngress) -> None:
        super().__init__(directory, [ingress.url])
        self.ingress = ingress
        with self.config.open("a") as config:
            config.write(_MORE)
        self._files = (self.config, self.config.read_text()), (self.key_file, self.key_file.read_text())

    def clear(self) -> None:
        """Make it as it was when it was new: configuration, keys, an empty ledger."""
        if any(file.read_text() != text for file, text in self._files):
            self.part.stop()
            self.sql("DELETE FROM key_ids")  # tests name their keys alike
            for file, text in self._files:
                file.write_text(text)
            self.start()
        for table in ("events", "deliveries", "parked", "aliases", "callbacks"):
            self.sql(f"DELETE FROM {table}")
        self.ingress.react = lambda call: ACCEPT
        self.ingress.calls.clear()

    @property
    def config(self) -> Path:
        """Its configuration."""
        return self.directory / "gateway.toml"

    def restart(self, replace: str = "", by: str = "") -> None:
        """Stop it, change its configuration, and start it."""
        self.part.stop()
        text = self.config.read_text()
        assert replace in text
        self.config.write_text(text.replace(replace, by))
        self.start()

    def sql(self, statement: str, *parameters: Any) -> list[Any]:
        """Execute a statement on its ledger."""
        with closing(self.database) as database:
            return database.execute(statement, parameters).fetchall()

    def search(self, **query: Any) -> list[dict[str, Any]]:
        """The deliveries that a search finds."""
        answer = self.api.get("/v1/deliveries", params=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["deliveries"]
        return found

    def wait_for(self, count: int, **query: Any) -> list[dict[str, Any]]:
        """The deliveries that a search finds, once so many are on record."""
        deadline = time.monotonic() + 5
        while len(found := self.search(**query)) != count:
            assert time.monotonic() < deadline, f"{len(found)} deliveries of {query}"
            time.sleep(0.02)
        return found

    def one(self, **query: Any) -> dict[str, Any]:
        """The one delivery that a search finds, once it is on record."""
        return self.wait_for(1, **query)[0]

    def detail(self, delivery_id: str, **query: Any) -> dict[str, Any]:
        """What is shown of a delivery."""
        answer = self.api.get(f"/v1/deliveries/{delivery_id}", params=query)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def replay(self, delivery_id: str, **options: Any) -> dict[str, Any]:
        """Do a delivery again."""
        answer = self.replay_answer(delivery_id, **options)
        assert answer.status_code == 200, answer.text
        done: dict[str, Any] = answer.json()
        return done

    def replay_answer(self, delivery_id: str, **options: Any) -> httpx.Response:
        """The answer to a replay."""
        return self.api.post(f"/v1/deliveries/{delivery_id}/replay", json=options)

    def refused_replay(self, delivery_id: str) -> str:
        """Why a delivery can't be replayed."""
        answer = self.replay_answer(delivery_id)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_replayable"), answer.text
        return str(answer.json()["detail"])

    def dead(self, callback: Issued, webhook: Webhook) -> str:
        """The id of a delivery that Restate refused for good."""
        self.ingress.react = lambda call: Reaction(400)
        answer = self.send(callback.path, webhook)
        self.ingress.react = lambda call: ACCEPT
        assert answer.json() == {"outcome": "dead"}
        self.wait_for_outcome(callback.id, "dead")
        return str(self.one(callback=callback.id)["id"])

    def cli(self, *arguments: str, code: int = 0, **environ: str) -> Ended:
        """Run `gateway deliveries …` in its folder; it has to end with this exit code."""
        token = {"GATEWAY_TOKEN": self.tokens["orders"]}
        return run(self.directory, "deliveries", *arguments, code=code, **token | environ)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A gateway that a module's tests have one after the other."""
    ingress = FakeIngress()
    ingress.start()
    running = Lab(tmp_path_factory.mktemp("deliveries"), ingress)
    try:
        running.start()
        yield running
    finally:
        running.stop()
        ingress.stop()


@pytest.fixture
def lab(shared: Lab) -> Lab:
    """A gateway as good as new."""
    shared.clear()
    return shared
