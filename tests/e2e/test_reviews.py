"""`services/reviews.py` and `services/desk.py`: handlers that complete what another handler waits for."""

from __future__ import annotations

import httpx

from tests.e2e.conftest import Scene, until


def submitted_for_review(scene: Scene, **more: object) -> str:
    """Start a review and wait until the reviewer was asked; its invocation."""
    document = {"text": "A text.", "reviewer": f"reviewer@{scene.name}"}
    invocation = scene.start(f"Reviews/{scene.name}/run", document | more)
    assert scene.email(f"reviewer@{scene.name}")["link"] == f"/Reviews/{scene.name}/submit_review"
    return invocation


def test_a_review_that_is_submitted_resumes_the_workflow(scene: Scene) -> None:
    invocation = submitted_for_review(scene)
    scene.suspended(invocation)
    assert scene.call(f"Reviews/{scene.name}/submit_review", "good").status_code == 200
    assert scene.result(invocation) == "reviewed: good"


def test_a_second_review_is_refused_while_and_after_the_workflow_runs(scene: Scene) -> None:
    invocation = submitted_for_review(scene)
    statuses = [scene.call(f"Reviews/{scene.name}/submit_review", text).status_code for text in "ab"]
    assert statuses == [200, 409]
    assert scene.result(invocation) == "reviewed: a"
    assert scene.call(f"Reviews/{scene.name}/submit_review", "c").status_code == 409


def test_a_review_before_the_workflow_runs_is_what_it_finds(scene: Scene) -> None:
    assert scene.call(f"Reviews/{scene.name}/submit_review", "early").status_code == 200
    assert scene.result(submitted_for_review(scene)) == "reviewed: early"


def test_an_empty_review_is_refused_and_the_workflow_waits_on(scene: Scene) -> None:
    invocation = submitted_for_review(scene)
    refused = scene.call(f"Reviews/{scene.name}/submit_review", "  ")
    assert (refused.status_code, refused.json()["message"]) == (422, "an empty review helps nobody")
    scene.suspended(invocation)
    scene.call(f"Reviews/{scene.name}/submit_review", "good")
    assert scene.result(invocation) == "reviewed: good"


def test_a_refusal_rejects_the_promise(scene: Scene) -> None:
    invocation = submitted_for_review(scene)
    assert scene.call(f"Reviews/{scene.name}/refuse_review", "no time").status_code == 200
    ended = scene.ended(invocation)
    assert (ended.status_code, ended.json()["message"]) == (500, "the review was refused: no time")


def test_a_review_that_nobody_writes_times_out(scene: Scene) -> None:
    ended = scene.ended(submitted_for_review(scene, wait=0.3))
    assert (ended.status_code, ended.json()["message"]) == (504, "nobody reviewed it in time")


def asked(scene: Scene) -> tuple[str, str]:
    """Put a question on the desk; its invocation, and the awakeable it waits on."""
    invocation = scene.start("Questions/ask", scene.name)
    query = "select value_utf8 from state where service_name = 'Desk' and key = 'question'"
    query += f" and service_key = '{scene.name}'"
    (row,) = until(lambda: scene.stack.restate.query(query))
    scene.suspended(invocation)
    return invocation, row["value_utf8"].strip('"')


def test_another_handler_resolves_an_awakeable_by_the_sdk(scene: Scene) -> None:
    invocation, _ = asked(scene)
    assert scene.call(f"Desk/{scene.name}/answer", "42").status_code == 200
    assert scene.result(invocation) == "42"
    assert scene.call(f"Desk/{scene.name}/answer", "43").status_code == 404


def test_another_handler_rejects_an_awakeable_by_the_sdk(scene: Scene) -> None:
    invocation, _ = asked(scene)
    scene.call(f"Desk/{scene.name}/refuse", "nobody knows")
    ended = scene.ended(invocation)
    assert (ended.status_code, ended.json()["message"]) == (422, "nobody knows")


def test_an_awakeable_is_resolved_by_http(scene: Scene) -> None:
    invocation, awakeable = asked(scene)
    answer = scene.stack.restate.ingress.post(f"/restate/awakeables/{awakeable}/resolve", json="42")
    assert answer.status_code == 202
    assert scene.result(invocation) == "42"


def test_an_awakeable_is_rejected_by_http(scene: Scene) -> None:
    invocation, awakeable = asked(scene)
    reject(scene.stack.restate.ingress, awakeable, "nobody knows")
    ended = scene.ended(invocation)
    assert (ended.status_code, ended.json()["message"]) == (500, "nobody knows")


def test_an_awakeable_is_rejected_through_the_gateway(scene: Scene) -> None:
    invocation, awakeable = asked(scene)
    body = {"source": "mailer", "target": {"awakeable": awakeable}, "succeed_on": [], "fail_on": ["bounced"]}
    url = scene.stack.gateway_api.post("/v1/callbacks", json=body).raise_for_status().json()["url"]
    assert httpx.post(url, json={"type": "bounced"}, trust_env=False).json() == {"outcome": "completed"}
    ended = scene.ended(invocation)
    assert ended.status_code == 500
    assert ended.json()["message"].startswith("bounced: failed (event ")


def reject(ingress: httpx.Client, awakeable: str, reason: str) -> None:
    """Reject an awakeable as the seed documents do with curl."""
    answer = ingress.post(
        f"/restate/awakeables/{awakeable}/reject", content=reason, headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 202
