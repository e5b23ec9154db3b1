"""`services/onboarding.py`: an e-mail address, a document and a reviewer, one promise after the other."""

from __future__ import annotations

from typing import Any

from tests.e2e.conftest import Scene, until


def join(scene: Scene, **more: Any) -> str:
    """Start an onboarding; its invocation."""
    applicant = {"name": scene.name, "email": f"new@{scene.name}", "reviewer": f"reviewer@{scene.name}"}
    return scene.start(f"Onboarding/{scene.name}/run", applicant | more)


def step(scene: Scene) -> str:
    return str(scene.call(f"Onboarding/{scene.name}/step").json())


def confirm_address(scene: Scene) -> None:
    email = scene.email(f"new@{scene.name}")
    clicked = scene.stack.world.post(f"/v1/emails/{email['id']}/click", json={"address": "verified"})
    assert [answer["status"] for answer in clicked.raise_for_status().json()["answers"]] == [200]


def check_document(scene: Scene, result: str, reason: str | None = None) -> None:
    find = {"applicant": scene.name}
    (check,) = until(lambda: scene.stack.world.get("/v1/checks", params=find).json())
    body = {"result": result, "reason": reason}
    scene.stack.world.post(f"/v1/checks/{check['id']}/simulate", json=body).raise_for_status()


def review(scene: Scene, action: str, comment: str = "") -> None:
    scene.decides(scene.email(f"reviewer@{scene.name}")["link"], action, comment)


def test_three_steps_in_a_row_end_in_an_approval(scene: Scene) -> None:
    invocation = join(scene)
    scene.email(f"new@{scene.name}")
    scene.suspended(invocation)
    assert step(scene) == "e-mail"
    confirm_address(scene)
    until(lambda: step(scene) == "document")
    check_document(scene, "clear")
    scene.email(f"reviewer@{scene.name}")
    assert step(scene) == "review"
    review(scene, "approve")
    assert scene.result(invocation) == {"status": "approved", "reason": None}
    assert step(scene) == "done"


def test_a_document_that_is_rejected_ends_it_with_the_reason(scene: Scene) -> None:
    invocation = join(scene)
    confirm_address(scene)
    check_document(scene, "rejected", "unreadable")
    assert scene.result(invocation) == {"status": "document rejected", "reason": "unreadable"}


def test_a_reviewer_who_says_no_ends_it_with_the_comment(scene: Scene) -> None:
    invocation = join(scene)
    confirm_address(scene)
    check_document(scene, "clear")
    review(scene, "reject", "not now")
    assert scene.result(invocation) == {"status": "rejected by the reviewer", "reason": "not now"}


def test_a_step_that_takes_too_long_is_the_workflows_error(scene: Scene) -> None:
    ended = scene.ended(join(scene, wait=0.3))
    assert (ended.status_code, step(scene)) == (504, "e-mail")
