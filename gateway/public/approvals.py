"""
Approval links: a page that shows what is asked and changes nothing, and a form that decides.

Mail scanners open links, run scripts and submit forms; so a decision needs the nonce of a page that this
gateway rendered in the last hours, and the first decision is the only one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from itsdangerous import BadSignature, TimestampSigner

from gateway import tokens
from gateway.delivery import Answer, Delivery, Event, Headers
from gateway.errors import Malformed, NotAuthentic, UnsupportedContent
from gateway.gateway import Gateway
from gateway.http.request import Request
from gateway.keyring import Key, Purpose
from gateway.ledger import issuing
from gateway.ledger.records import Callback, Proposal
from gateway.observe.passage import Passage, Step
from gateway.outcome import Outcome, State
from gateway.public.body import headers_of, read_body
from gateway.public.receive import carry_out
from gateway.public.room import Place
from gateway.rules import Rules
from gateway.tokens import Claims

if TYPE_CHECKING:
    from jinja2 import Environment

SOURCE = "approvals"
#: A page that is left open over a working day still decides.
_NONCE_SECONDS = 12 * 3600
_MAX_FORM = 16 * 1024
_MAX_FIELDS = 20
_MAX_COMMENT = 2000
_RESTATE_DEADLINE = 2.2

#: The link is the credential: it must not leave the page, be stored, framed or indexed.
_HEADERS = (
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'",
    ),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("x-robots-tag", "noindex, nofollow"),
)


@cache
def _pages() -> Environment:
    """The pages' templates."""
    # Loaded with the first page: 2 MB and 15 ms, and many gateways have no approvals.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("gateway.public", "pages"), autoescape=True, undefined=StrictUndefined
    )


async def show(gateway: Gateway, request: Request, place: Place, passage: Passage) -> Answer:
    """Show what is asked. Whoever or whatever opens the link: nothing changes."""
    claims, callback, key = await _opened(gateway, request)
    if callback.state_at(gateway.clock()) is not State.OPEN:
        return _answered(callback, gateway.clock())
    return _asked(gateway, claims, callback, key)


async def decide(gateway: Gateway, request: Request, place: Place, passage: Passage) -> Answer:
    """Take the decision that a page's form sends; a second one is told so."""
    claims, callback, key = await _opened(gateway, request)
    passage.source, passage.callback_id, passage.key_id = SOURCE, callback.id, key.id
    headers = headers_of(request)
    _same_origin(gateway, headers)
    media_type, *_ = headers.every("content-type") or [""]
    if media_type.partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise UnsupportedContent("Content-Type: the page's form sends application/x-www-form-urlencoded")
    passage.end(Step.TOKEN)
    limits = gateway.settings.limits
    body = await read_body(request, headers, place, _MAX_FORM, limits.body_time.total_seconds())
    passage.end(Step.BODY)
    try:
        form = parse_qs(body.decode(errors="replace"), max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise Malformed("the page's form has fewer fields") from None
    actions = {action["name"]: action for action in (callback.approval or {})["actions"]}
    action = actions.get(form.get("action", [""])[0])
    if callback.state_at(gateway.clock()) is not State.OPEN:
        return _answered(callback, gateway.clock())
    if action is None or not _is_ours(gateway, claims, key, form.get("nonce", [""])[0]):
        # The page is shown again with a fresh nonce: a person only has to press once more.
        return _asked(gateway, claims, callback, key, stale=True)
    delivery = Delivery(
        method="POST",
        url=f"{gateway.settings.public_url}/a",
        headers=headers,
        body=_decision(claims, callback, action["name"], form.get("comment", [""])[0]),
        received_at=gateway.clock(),
    )
    gateway.observer.trace(passage, headers)
    request.lasting = True
    outcome = await _record(gateway, claims, callback, key, action["name"], delivery, passage)
    decided = await gateway.ledger.read(issuing.find(callback.id))
    counts = outcome in (Outcome.COMPLETED, Outcome.PENDING, Outcome.DEAD)
    chosen = action["label"] if counts else None
    return _answered(decided or callback, gateway.clock(), chosen)


async def _opened(gateway: Gateway, request: Request) -> tuple[Claims, Callback, Key]:
    """What the link's token says, and the approval; `NotAuthentic` for any other text."""
    token = request.path.decode("latin-1").removeprefix("/a/")
    claims, key = tokens.read(SOURCE, token, gateway.ring, Purpose.APPROVAL)
    callback = await gateway.ledger.read(issuing.find(claims.callback_id))
    if callback is None or callback.approval is None:
        # What is asked stands in the ledger only: without its row there is nothing to show.
        raise NotAuthentic
    return claims, callback, key


def _same_origin(gateway: Gateway, headers: Headers) -> None:
    ours = {"{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in gateway.settings.public_urls}
    if not {*headers.every("origin")} <= {"null", *ours}:
        raise NotAuthentic
    if not {*headers.every("sec-fetch-site")} <= {"same-origin", "none"}:
        raise NotAuthentic


def _signer(gateway: Gateway, key: Key) -> TimestampSigner:
    secret = key.derive(gateway.settings.deployment, f"sign/{Purpose.APPROVAL_FORM}", 32)
    return TimestampSigner(secret, key_derivation="none", digest_method=hashlib.sha256)


def _nonce(gateway: Gateway, claims: Claims, key: Key) -> str:
    return _signer(gateway, key).sign(_subject(claims)).decode()


def _is_ours(gateway: Gateway, claims: Claims, key: Key, nonce: str) -> bool:
    """Whether a page that was rendered for this link in the last hours had this nonce."""
    if not nonce.isascii():
        return False
    try:
        subject = _signer(gateway, key).unsign(nonce, max_age=_NONCE_SECONDS).decode()
    except BadSignature:
        return False
    return hmac.compare_digest(subject, _subject(claims))


def _subject(claims: Claims) -> str:
    return f"{claims.callback_id}-{claims.recipient}"


def _recipient(claims: Claims, callback: Callback) -> str:
    recipients: list[str] = (callback.approval or {})["recipients"]
    return recipients[claims.recipient or 0]


def _decision(claims: Claims, callback: Callback, action: str, comment: str) -> bytes:
    decision = {
        "action": action,
        "recipient": _recipient(claims, callback),
        "comment": comment.strip()[:_MAX_COMMENT] or None,
    }
    return json.dumps(decision, ensure_ascii=False).encode(errors="replace")


async def _record(
    gateway: Gateway,
    claims: Claims,
    callback: Callback,
    key: Key,
    action: str,
    delivery: Delivery,
    passage: Passage,
) -> Outcome:
    """Steps 5 to 7 of a webhook's way, for a decision."""
    deadline = time.monotonic() + _RESTATE_DEADLINE
    event = Event(id=None, type=f"approval.{action}", data=delivery.body, json=True)
    passage.delivery_id = gateway.new_id("dl")
    proposal = Proposal(
        id=passage.delivery_id,
        source=SOURCE,
        delivery=delivery,
        kept_headers=[],
        secret="",
        events=(event,),
        rules=callback.rules or Rules(()),
        claims=claims,
        key_id=key.id,
        now=delivery.received_at,
    )
    passage.end(Step.PROPOSE)
    await carry_out(gateway, proposal, passage, deadline)
    return passage.outcomes[0]


def _asked(gateway: Gateway, claims: Claims, callback: Callback, key: Key, stale: bool = False) -> Answer:
    context: dict[str, Any] = {
        "approval": callback.approval,
        "recipient": _recipient(claims, callback),
        "nonce": _nonce(gateway, claims, key),
        "stale": stale,
    }
    page = _pages().get_template("ask.html").render(context)
    return _page(200, page)


def _answered(callback: Callback, now: float, chosen: str | None = None) -> Answer:
    state = callback.state_at(now)
    page = (
        _pages().get_template("answered.html").render(approval=callback.approval, state=state, chosen=chosen)
    )
    gone = state in (State.EXPIRED, State.CLOSED, State.REVOKED)
    return _page(410 if gone else 200, page)


def _page(status: int, page: str) -> Answer:
    return Answer(status, page.encode(), "text/html", _HEADERS)
