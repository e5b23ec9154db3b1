"""The mail service keeps inboxes, and confirms an address when a link was clicked."""

from __future__ import annotations

import json

import httpx

from tests.simulator.receiver import Receiver


async def test_an_inbox_holds_its_owners_mail_with_the_newest_last(world: httpx.AsyncClient) -> None:
    for to, subject in [
        ("ann@example.com", "first"),
        ("bob@example.com", "his"),
        ("ann@example.com", "second"),
    ]:
        mail = {"to": to, "subject": subject, "text": "…", "link": "http://receiver/link"}
        assert (await world.post("/v1/emails", json=mail)).status_code == 202

    inbox = (await world.get("/v1/emails", params={"to": "ann@example.com"})).json()
    assert [mail["subject"] for mail in inbox] == ["first", "second"]
    assert inbox[0]["link"] == "http://receiver/link"


async def test_an_email_that_is_sent_again_with_its_key_arrives_once(world: httpx.AsyncClient) -> None:
    mail = {"to": "ann@example.com", "subject": "s", "text": "t", "link": "http://receiver/link"}
    sent = [await world.post("/v1/emails", json=mail, headers={"idempotency-key": "a"}) for _ in range(2)]

    assert sent[0].json() == sent[1].json()
    assert len((await world.get("/v1/emails", params={"to": "ann@example.com"})).json()) == 1


async def test_a_click_confirms_the_address_at_the_link(world: httpx.AsyncClient, receiver: Receiver) -> None:
    mail = {"to": "ann@example.com", "subject": "s", "text": "t", "link": "http://receiver/link"}
    sent = (await world.post("/v1/emails", json=mail)).json()
    clicked = await world.post(f"/v1/emails/{sent['id']}/click", json={"address": "verified"})

    assert receiver.paths == ["/link"]
    assert json.loads(receiver.bodies[0]) == {"type": "email.verified", "data": {"to": "ann@example.com"}}
    assert [answer["status"] for answer in clicked.json()["answers"]] == [200]


async def test_an_email_that_was_never_sent_cannot_be_clicked(world: httpx.AsyncClient) -> None:
    answer = await world.post("/v1/emails/eml_unknown/click", json={"address": "verified"})
    assert answer.status_code == 404
