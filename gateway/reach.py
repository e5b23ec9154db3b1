"""How Restate answers at the addresses that are configured: for whoever sets a gateway up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

from gateway.questions import Questions, Unanswered
from gateway.secret import Secret
from gateway.settings import Restate

_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class Reached:
    """
    What an address answered; `problem` is "" where all is well.

    `version` is what the admin API says, None for an ingress. `status_route`: the ingress tells how an
    invocation stands. `date` is the text of its `Date` header.
    """

    setting: Literal["restate.ingress_urls", "restate.admin_url"]
    url: str
    problem: str = ""
    version: str | None = None
    status_route: bool | None = None
    date: str | None = None


async def reach(restate: Restate, auth_token: Secret | None) -> list[Reached]:
    """What each ingress address and the admin address answer, within seconds."""
    headers = {}
    if auth_token is not None:
        headers["authorization"] = f"Bearer {auth_token.reveal().decode()}"
    questions = Questions(_TIMEOUT)
    try:
        asked = [_ingress(questions, url, headers) for url in restate.ingress_urls]
        if restate.admin_url is not None:
            asked.append(_admin(questions, restate.admin_url))
        return await asyncio.gather(*asked)
    finally:
        await questions.close()


async def _ingress(questions: Questions, url: str, headers: dict[str, str]) -> Reached:
    setting: Literal["restate.ingress_urls"] = "restate.ingress_urls"
    try:
        health = await questions.get(f"{url}/restate/health", headers=headers)
        if health.status_code != 200:
            return Reached(setting, url, f"/restate/health answers {health.status_code}")
        # A server that has the route says that this is no id; 1.7.6 knows no such path.
        status = await questions.get(f"{url}/restate/status/x", headers=headers)
    except Unanswered as error:
        return Reached(setting, url, f"it does not answer ({error})")
    return Reached(setting, url, status_route=status.status_code == 400, date=health.headers.get("date"))


async def _admin(questions: Questions, url: str) -> Reached:
    setting: Literal["restate.admin_url"] = "restate.admin_url"
    try:
        answer = await questions.get(f"{url}/version")
        document: Any = answer.json()
        version = document["version"]
    except Unanswered as error:
        return Reached(setting, url, f"it does not answer ({error})")
    except (ValueError, KeyError, TypeError):
        return Reached(setting, url, "it is no Restate admin API: /version tells no version")
    return Reached(setting, url, version=str(version), date=answer.headers.get("date"))
