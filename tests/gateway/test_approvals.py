"""Approval links: opening one decides nothing, whoever opens it; the first decision of a person counts."""

from __future__ import annotations

import html
import json
import re
import time
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.gateway.ingress import FakeIngress, Reaction
from tests.gateway.process import RunningGateway, new_awakeable
from tests.gateway.wire import exchange, post

FORM = {"content-type": "application/x-www-form-urlencoded"}
SCANNERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Safari/537.36",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2) SafeLinks",
    "GoogleImageProxy",
    "curl/8.5.0",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """An approval that waits: the path of each recipient's link."""

    id: str
    awakeable: str
    paths: dict[str, str]

    @property
    def path(self) -> str:
        """The first recipient's link."""
        return next(iter(self.paths.values()))


def ask(gateway: RunningGateway, **changes: Any) -> Asked:
    """Ask two people."""
    awakeable = new_awakeable()
    body = {
        "title": "Pay 42 EUR?",
        "detail": "The chair of order 7.",
        "fields": {"Amount": "42 EUR"},
        "recipients": ["ann@example.com", "bob@example.com"],
        "target": {"awakeable": awakeable},
        **changes,
    }
    answer = gateway.api.post("/v1/approvals", json=body)
    assert answer.status_code == 201, answer.text
    issued = answer.json()
    assert set(issued) == {"id", "urls", "expires_at", "key_id"}
    paths = {name: url.removeprefix(gateway.public_url) for name, url in issued["urls"].items()}
    return Asked(issued["id"], awakeable, paths)


def nonce_of(page: httpx.Response) -> str:
    """The nonce of a page's form."""
    found = re.search(r'name="nonce" value="([^"]+)"', page.text)
    assert found
    return html.unescape(found[1])


def decide(gateway: RunningGateway, path: str, action: str = "approve", **form: str) -> httpx.Response:
    """What a person does: open the link, press a button."""
    nonce = nonce_of(gateway.public.get(path))
    return gateway.public.post(path, data={"nonce": nonce, "action": action, **form})


def untouched(gateway: RunningGateway, ingress: FakeIngress, asked: Asked) -> bool:
    """Whether nothing at all has happened to an approval."""
    shown = gateway.callback(asked.id)
    nothing_came = shown["deliveries"] == [] and ingress.calls_for(asked.awakeable) == []
    return bool(shown["state"] == "open" and nothing_came)


class TestLooking:
    def test_opening_the_link_fifty_times_decides_nothing(
        self, gateway: RunningGateway, ingress: FakeIngress
    ) -> None:
        asked = ask(gateway)
        for path in asked.paths.values():
            for number in range(25):
                headers = {"user-agent": SCANNERS[number % len(SCANNERS)]}
                answer = gateway.public.get(path, headers=headers)
                assert answer.status_code == 200
                assert "Pay 42 EUR?" in answer.text
        assert untouched(gateway, ingress, asked)

    @pytest.mark.parametrize(
        "headers", [{"sec-purpose": "prefetch;prerender"}, {"purpose": "prefetch"}, {"x-moz": "prefetch"}]
    )
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_prefetching_decides_nothing(
        self, gateway: RunningGateway, ingress: FakeIngress, method: str, headers: dict[str, str]
    ) -> None:
        asked = ask(gateway)
        assert gateway.public.request(method, asked.path, headers=headers).status_code == 200
        assert untouched(gateway, ingress, asked)

    def test_the_query_string_of_a_link_decides_nothing(
        self, gateway: RunningGateway, ingress: FakeIngress
    ) -> None:
        asked = ask(gateway)
        nonce = nonce_of(gateway.public.get(asked.path))
        answer = gateway.public.get(asked.path, params={"action": "approve", "nonce": nonce})
        assert answer.status_code == 200
        assert gateway.public.post(f"{asked.path}?action=approve&nonce={nonce}").status_code == 415
        assert untouched(gateway, ingress, asked)

    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
    def test_another_method_is_405(self, gateway: RunningGateway, ingress: FakeIngress, method: str) -> None:
        asked = ask(gateway)
        answer = gateway.public.request(method, asked.path)
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET, HEAD, POST"
        assert untouched(gateway, ingress, asked)

    def test_the_page_has_no_script_and_lets_nothing_out(self, gateway: RunningGateway) -> None:
        asked = ask(gateway)
        pages = [gateway.public.get(asked.path), decide(gateway, asked.path), gateway.public.get(asked.path)]
        for page in pages:
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert page.headers["cache-control"] == "no-store"
            assert page.headers["referrer-policy"] == "no-referrer"
            assert page.headers["x-content-type-options"] == "nosniff"
            assert page.headers["x-frame-options"] == "DENY"
            assert page.headers["x-robots-tag"].startswith("noindex")
            policy = page.headers["content-security-policy"].split("; ")
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "form-action 'self'" in policy
            assert not any(directive.startswith("script-src") for directive in policy)
            assert not re.search(r"<script|\son\w+=|javascript:|src=|href=|url\(|@import", page.text)
            assert "set-cookie" not in page.headers
            assert asked.path not in page.text

    @pytest.mark.parametrize("part", ["title", "detail", "name", "value", "label", "recipient"])
    def test_what_is_asked_is_shown_as_text_wherever_it_stands(
        self, gateway: RunningGateway, part: str
    ) -> None:
        attack = "</title></td>\"'><script>alert(1)</script>{{77777*3}}<img src=x onerror=alert(1)>"
        text = {name: attack if name == part else name for name in ("title", "detail", "name", "value")}
        asked = ask(
            gateway,
            title=text["title"],
            detail=text["detail"],
            fields={text["name"]: text["value"]},
            actions=[
                {"name": "yes", "label": attack[-49:] if part == "label" else "Yes", "outcome": "succeed"}
            ],
            recipients=[attack if part == "recipient" else "ann"],
        )
        page = gateway.public.get(asked.path)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert "<img" not in page.text
        assert "onerror=alert(1)&gt;" in page.text
        assert "233331" not in page.text
        # The page after the decision shows title and label again.
        assert "<script" not in decide(gateway, asked.path, "yes").text

    def test_a_link_of_something_else_or_changed_is_the_same_404(self, gateway: RunningGateway) -> None:
        asked, callback = ask(gateway), gateway.issue()
        key, sealed, signature = asked.path.removeprefix("/a/").split(".")
        answers = [
            gateway.public.get(path)
            for path in (
                "/a/unknown",
                f"/a/{callback.token}",
                f"/a/{key}.{sealed}.{signature[:-1]}",
                f"/a/{key}.{sealed}.{signature}=",
                f"/c/approvals/{key}.{sealed}.{signature}/",
            )
        ]
        assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
        token = asked.path.removeprefix("/a/")
        for path in (f"/c/approvals/{token}", f"/c/pay/{token}", "/s/approvals"):
            answer = gateway.public.post(path, json={})
            assert (answer.status_code, answer.content) == (404, answers[0].content)


class TestDeciding:
    def test_a_decision_resolves_with_action_recipient_and_comment(
        self, gateway: RunningGateway, ingress: FakeIngress
    ) -> None:
        asked = ask(gateway)
        answer = decide(gateway, asked.paths["bob@example.com"], comment="  fine by me\n")
        assert answer.status_code == 200
        assert "Approve" in answer.text
        (call,) = ingress.calls_for(asked.awakeable)
        assert call.path.endswith("/resolve")
        envelope = json.loads(call.body)
        assert envelope["type"] == "approval.approve"
        assert envelope["source"] == "/sources/approvals"
        assert envelope["provider"] == "approvals"
        assert envelope["outcome"] == "succeeded"
        assert envelope["data"] == {
            "action": "approve",
            "recipient": "bob@example.com",
            "comment": "fine by me",
        }

    def test_a_rejection_rejects(self, gateway: RunningGateway, ingress: FakeIngress) -> None:
        asked = ask(gateway)
        decide(gateway, asked.path, "reject")
        (call,) = ingress.calls_for(asked.awakeable)
        assert call.path.endswith("/reject")
        assert gateway.callback(asked.id)["state"] == "failed"

    def test_the_first_decision_counts_and_whoever_comes_after_is_told(
        self, gateway: RunningGateway, ingress: FakeIngress
    ) -> None:
        asked = ask(gateway)
        ann, bob = asked.paths.values()
        nonces = [nonce_of(gateway.public.get(path)) for path in (ann, ann, bob)]
        assert "recorded" in gateway.public.post(ann, data={"nonce": nonces[0], "action": "approve"}).text
        for path, nonce, action in ((ann, nonces[1], "approve"), (bob, nonces[2], "reject")):
            answer = gateway.public.post(path, data={"nonce": nonce, "action": action})
            assert answer.status_code == 200
            assert "already been decided" in answer.text
            assert "already been decided" in gateway.public.get(path).text
        assert len(ingress.calls_for(asked.awakeable)) == 1
        assert gateway.callback(asked.id)["state"] == "completed"

    def test_without_a_fresh_nonce_of_this_link_nothing_is_decided(
        self, gateway: RunningGateway, ingress: FakeIngress
    ) -> None:
        asked, other = ask(gateway), ask(gateway)
        ann, bob = asked.paths.values()
        nonce = nonce_of(gateway.public.get(ann))
        subject, stamp, signature = nonce.rsplit(".", 2)
        forms: list[dict[str, Any]] = [
            {"action": "approve"},
            {"action": "approve", "nonce": ""},
            {"action": "approve", "nonce": "x"},
            {"action": "approve", "nonce": nonce[:-1]},
            {"action": "approve", "nonce": nonce + "é"},
            {"action": "approve", "nonce": f"{subject}.{stamp}A.{signature}"},
            {"action": "approve", "nonce": nonce_of(gateway.public.get(bob))},
            {"action": "approve", "nonce": nonce_of(gateway.public.get(other.path))},
            {"action": "approve", "nonce": ["x", nonce]},
            {"action": "", "nonce": nonce},
            {"action": "succeed", "nonce": nonce},
            {"action": ["x", "approve"], "nonce": nonce},
            {"nonce": nonce},
            {},
        ]
        for form in forms:
            answer = gateway.public.post(ann, data=form, headers=FORM)
            assert answer.status_code == 200
            assert "Nothing was decided" in answer.text
        assert untouched(gateway, ingress, asked)
        # The page that came instead has a fresh one: a person only presses again.
        again = gateway.public.post(ann, data={"nonce": nonce_of(answer), "action": "approve"})
        assert "recorded" in again.text

    @pytest.mark.parametrize(
        "headers",
        [
            {"origin": "https://evil.example"},
            {"origin": "http://127.0.0.1:1"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "null", "sec-fetch-site": "cross-site"},
        ],
        ids=str,
    )
    def test_a_form_of_another_origin_is_refused(
        self, gateway: RunningGateway, ingress: FakeIngress, headers: dict[str, str]
    ) -> None:
        asked = ask(gateway)
        form = {"nonce": nonce_of(gateway.public.get(asked.path)), "action": "approve"}
        assert gateway.public.post(asked.path, data=form, headers=headers).status_code == 404
        assert untouched(gateway, ingress, asked)

    @pytest.mark.parametrize("origin", ["ours", "null", None])
    def test_a_form_of_our_own_page_is_taken(self, gateway: RunningGateway, origin: str | None) -> None:
        # Browsers send "null" from a page whose referrer policy is no-referrer.
        asked = ask(gateway)
        form = {"nonce": nonce_of(gateway.public.get(asked.path)), "action": "approve"}
        headers = {"sec-fetch-site": "same-origin"}
        if origin:
            headers["origin"] = gateway.public_url if origin == "ours" else origin
        assert "recorded" in gateway.public.post(asked.path, data=form, headers=headers).text

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"\xff\xfe=%ff%fe&&&;;==", 200),
            (b"action=approve&nonce=" + b"x" * 5000, 200),
            (b"&".join(b"a%d=b" % number for number in range(30)), 400),
            (b"x" * 20_000, 413),
        ],
        ids=["bytes", "long nonce", "30 fields", "20 kB"],
    )
    def test_a_hostile_form_decides_nothing_and_is_never_5xx(
        self, gateway: RunningGateway, ingress: FakeIngress, body: bytes, status: int
    ) -> None:
        asked = ask(gateway)
        assert gateway.public.post(asked.path, content=body, headers=FORM).status_code == status
        assert untouched(gateway, ingress, asked)

    @pytest.mark.parametrize(
        "media_type", ["application/json", "multipart/form-data; boundary=x", "", "text/plain"]
    )
    def test_what_is_no_form_is_415(self, gateway: RunningGateway, media_type: str) -> None:
        path = ask(gateway).path
        answer = exchange(gateway.address, post(path, b"action=approve", {"content-type": media_type}))
        assert answer.status == 415

    def test_a_comment_reaches_the_service_as_text_whatever_it_holds(
        self, gateway: RunningGateway, ingress: FakeIngress
    ) -> None:
        asked = ask(gateway)
        comment = '"}\n\x00\u2028<b>{{7*7}}\ud83d\ude00'.encode("utf-16", "surrogatepass").decode("utf-16")
        decide(gateway, asked.path, comment=comment + "x" * 3000)
        (call,) = ingress.calls_for(asked.awakeable)
        received = json.loads(call.body)["data"]["comment"]
        assert received.startswith(comment)
        assert len(received) == 2000


class TestOver:
    @pytest.mark.parametrize("how", ["close", "revoke", "expire"])
    def test_what_is_over_is_said_with_410(
        self, gateway: RunningGateway, ingress: FakeIngress, how: str
    ) -> None:
        asked = ask(gateway, expires_in=1 if how == "expire" else 3600)
        nonce = nonce_of(gateway.public.get(asked.path))
        if how == "close":
            gateway.api.post(f"/v1/callbacks/{asked.id}/close").raise_for_status()
        elif how == "revoke":
            gateway.api.delete(f"/v1/callbacks/{asked.id}").raise_for_status()
        else:
            time.sleep(2.1)
        for answer in (
            gateway.public.get(asked.path),
            gateway.public.post(asked.path, data={"nonce": nonce, "action": "approve"}),
        ):
            assert answer.status_code == 410
            assert "<form" not in answer.text
            assert ("time to decide has passed" in answer.text) == (how == "expire")
        assert ingress.calls_for(asked.awakeable) == []

    def test_a_decision_is_kept_while_restate_is_away(
        self, gateway: RunningGateway, ingress: FakeIngress
    ) -> None:
        asked = ask(gateway)
        reactions = [Reaction(503), Reaction(202)]

        def react(call: Any) -> Reaction:
            return reactions.pop(0) if reactions and asked.awakeable in call.path else Reaction(202)

        ingress.react = react
        assert "recorded" in decide(gateway, asked.path).text
        assert "already been decided" in gateway.public.get(asked.path).text
        first, second = ingress.wait_for(asked.awakeable, 2)
        assert first.body == second.body
