"""`services/approvals.py`: people decide on a page, or do not."""

from __future__ import annotations

from typing import Any

import httpx

from tests.e2e.conftest import Scene


def ask(scene: Scene, **more: Any) -> tuple[str, str]:
    """Ask Ann and Bob; the invocation, and Bob's link."""
    people = [f"ann@{scene.name}", f"bob@{scene.name}"]
    asked = {"title": "Buy a chair?", "fields": {"Price": "42 EUR"}, "approvers": people, **more}
    invocation = scene.start("Approvals/request", asked)
    return invocation, scene.email(people[1])["link"]


def test_an_approval_says_who_approved_and_what_they_wrote(scene: Scene) -> None:
    invocation, link = ask(scene)
    scene.suspended(invocation)
    assert "has been recorded" in scene.decides(link, "approve", "fine").text
    assert scene.result(invocation) == {
        "status": "approved",
        "by": f"bob@{scene.name}",
        "comment": "fine",
    }


def test_a_rejection_says_so_and_a_second_decision_changes_nothing(scene: Scene) -> None:
    invocation, link = ask(scene)
    page = httpx.get(link, trust_env=False)
    assert "42 EUR" in page.text
    scene.decides(link, "reject", "too much")
    answer = scene.result(invocation)
    assert (answer["status"], answer["comment"]) == ("rejected", "too much")
    assert "already been decided" in httpx.get(scene.email(f"ann@{scene.name}")["link"], trust_env=False).text


def test_nobody_in_time_is_the_timeout_branch(scene: Scene) -> None:
    invocation, link = ask(scene, wait=0.5)
    assert scene.result(invocation)["status"] == "timed out"
    assert httpx.get(link, trust_env=False).status_code == 410
