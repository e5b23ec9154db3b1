"""URLs issued before `public_url` was changed go on working; a signed URL counts as it was issued."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.gateway.ingress import FakeIngress
from tests.gateway.process import RunningGateway, new_awakeable
from tests.gateway.test_approvals import nonce_of
from tests.gateway.webhooks import Webhook, event

SECRET = "0123456789abcdef0123456789abcdef"
OLD = "https://old.example.com/hooks"
NEW = "https://new.example.com/in"
_SIGNS_ITS_URL = f"""
[sources.urls]
provider = "hmac"
secrets = ["{SECRET}"]
succeed_on = ["paid"]
[sources.urls.hmac]
header = "X-Signature"
signed = "{{url}}.{{body}}"
event_id = "id"
reference = "reference"
"""


def _signed(url: str, **fields: str) -> Webhook:
    body = json.dumps({"type": "paid", "id": new_awakeable(), **fields}).encode()
    signature = hmac.new(SECRET.encode(), url.encode() + b"." + body, hashlib.sha256).hexdigest()
    return Webhook(body, {"content-type": "application/json", "x-signature": signature})


class Moving:
    """A gateway that is told another public URL while callbacks are open."""

    def __init__(self, gateway: RunningGateway) -> None:
        self.gateway = gateway
        self.config = gateway.directory / "gateway.toml"
        self.text = self.config.read_text() + _SIGNS_ITS_URL

    def to(self, public_url: str, *previous: str) -> None:
        """Start it again with another public URL."""
        self.gateway.part.stop()
        first, _, rest = self.text.partition("\n")
        assert first.startswith("public_url")
        settings = f"public_url = {json.dumps(public_url)}\nprevious_public_urls = {json.dumps(previous)}\n"
        self.config.write_text(settings + rest)
        self.gateway.start()

    def issue(self, idempotency_key: str = "", **body: object) -> tuple[str, str]:
        """A callback's id and the URL that is given out for it."""
        headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
        target = {"awakeable": new_awakeable()}
        wanted = {"source": "urls", "target": target} | body
        answer = self.gateway.api.post("/v1/callbacks", json=wanted, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"], answer.json()["url"]

    def sent(
        self, url: str, signed_url: str | None = None, prefix: str = "", **fields: str
    ) -> tuple[int, str]:
        """
        The answer to a delivery that is signed for a URL.

        It comes on the URL's path with a prefix that no proxy has taken off.
        """
        path = prefix + url[url.index("/c/" if "/c/" in url else "/s/") :]
        answer = self.gateway.send(path, _signed(signed_url or url, **fields))
        return answer.status_code, answer.json().get("outcome", answer.json().get("code"))


@pytest.fixture
def moving(tmp_path: Path, own_ingress: FakeIngress) -> Iterator[Moving]:
    """A gateway that has its public URL from before."""
    moving = Moving(RunningGateway(tmp_path, [own_ingress.url]))
    try:
        moving.to(OLD)
        yield moving
    finally:
        moving.gateway.stop()


def test_what_was_issued_before_the_move_works_and_is_given_out_alike_again(moving: Moving) -> None:
    target = {"awakeable": new_awakeable()}
    once, url = moving.issue(idempotency_key="k", target=target)
    others = [moving.issue() for _ in range(4)]
    assert url.startswith(f"{OLD}/c/urls/")
    body = {"title": "?", "recipients": ["ann"], "target": {"awakeable": new_awakeable()}}
    link = moving.gateway.api.post("/v1/approvals", json=body).json()["urls"]["ann"]
    plain = moving.issue(source="pay")[1]

    moving.to(NEW, OLD)
    # The same request again is given the same text, whichever address is in force.
    assert moving.issue(idempotency_key="k", target=target) == (once, url)
    # With the prefix of then, of now, and without any: what a proxy in front makes of it.
    for (_, other), prefix in zip(others, ("/hooks", "/in", "", ""), strict=True):
        assert moving.sent(other, prefix=prefix) == (200, "completed")
    assert moving.gateway.send(f"/hooks{plain.removeprefix(OLD)}", event()).status_code == 200
    # An account's URL has no token: the provider may know either.
    assert moving.sent(f"{OLD}/s/urls", reference="x") == (200, "unmatched")
    assert moving.sent(f"{NEW}/s/urls", reference="x") == (200, "unmatched")
    # A page that was opened at the old address decides.
    path = link.removeprefix(OLD)
    page = moving.gateway.public.get(f"/hooks{path}")
    assert page.status_code == 200
    form = {"action": "approve", "nonce": nonce_of(page)}
    answer = moving.gateway.public.post(path, data=form, headers={"origin": "https://old.example.com"})
    assert answer.status_code == 200
    assert "evil" not in answer.text
    foreign = moving.gateway.public.post(path, data=form, headers={"origin": "https://evil.example.com"})
    assert foreign.status_code == 404
    # What is issued now begins with the new address.
    issued, new_url = moving.issue()
    assert new_url.startswith(f"{NEW}/c/urls/")
    assert moving.sent(new_url) == (200, "completed")
    # One that was never ours, and one whose path was not the one that was signed.
    for signed_url in (url.replace("old.", "evil."), url.replace("/hooks", ""), new_url):
        assert moving.sent(url, signed_url) == (401, "unverified")
    assert moving.sent(url) == (200, "completed")
    assert moving.gateway.callback(issued)["state"] == "completed"


def test_a_replay_and_an_adopted_callback_have_the_url_that_was_issued(moving: Moving) -> None:
    callback_id, url = moving.issue()
    lost_id, lost_url = moving.issue()
    moving.to(NEW, OLD)
    with closing(moving.gateway.database) as database:
        database.execute("DELETE FROM callbacks WHERE id = ?", (lost_id,))
    for sent in (url, lost_url):
        assert moving.sent(sent) == (200, "completed")
    with closing(moving.gateway.database) as database:
        rows = dict(database.execute("SELECT id, public_url FROM callbacks").fetchall())
    assert rows == {callback_id: OLD, lost_id: OLD}
    # Once nothing is open, the entry goes; what was delivered can still be done again.
    moving.to(NEW)
    for one in (callback_id, lost_id):
        (listed,) = moving.gateway.api.get("/v1/deliveries", params={"callback": one}).json()["deliveries"]
        replayed = moving.gateway.api.post(f"/v1/deliveries/{listed['id']}/replay", json={})
        assert replayed.status_code == 200, replayed.text
        assert [event["outcome"] for event in replayed.json()["events"]] == ["duplicate"]
    other = url.replace(OLD, NEW)
    assert moving.sent(url, other) == (200, "duplicate")
    # And what is signed for that address is no longer ours, nor is its prefix.
    assert moving.sent(url, url) == (401, "unverified")
    assert moving.gateway.send(f"/hooks{url.removeprefix(OLD)}", event()).status_code == 404
