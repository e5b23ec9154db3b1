"""`/v1/deliveries`: search, look at one, do one again."""

from __future__ import annotations

import base64
import json
import re
import time
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from gateway.errors import Forbidden, NotFound
from gateway.gateway import Gateway
from gateway.internal.clients import AuthenticatedCaller, Caller, RunningGateway
from gateway.internal.replaying import replay
from gateway.ledger import deliveries
from gateway.ledger.deliveries import Search, Viewer
from gateway.log import logger
from gateway.outcome import Outcome
from gateway.sources import allows

router = APIRouter(prefix="/v1/deliveries")

#: A search for something rare is answered after so long with what it has found, and where to go on.
_SEARCH_SECONDS = 1.0
_ID = re.compile(r"dl_[0-9a-z]{26}")


class EventView(BaseModel):
    """An event of a delivery, and what became of it for one callback."""

    event_id: str
    type: str
    callback_id: str | None
    outcome: Outcome
    conflict: bool
    contradicts: bool
    sequence: int | None
    attempts: int
    error: str | None


class ReplayedView(BaseModel):
    """A replay of a delivery, with the outcomes of its events."""

    id: str
    received_at: datetime
    outcome: Outcome | None
    reason: str | None
    events: list[EventView]

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """What is shown of a row."""
        moment = datetime.fromtimestamp(row["received_at"] / 1000, UTC)
        return cls(**{name: row[name] for name in cls.model_fields if name in row} | {"received_at": moment})


class DeliveryView(ReplayedView):
    """
    A delivery. `outcome` and `reason` are those of one without events (unverified, malformed, challenge).

    `callback_id` is the callback whose URL it came to, null for an account's URL. `size` is that of its body
    as it came, `secret` the fingerprint of the secret that it was signed with. A replay has `replay_of`.
    """

    source: str
    callback_id: str | None
    method: str
    size: int | None
    body_kept: bool
    secret: str
    replay_of: str | None

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """What is shown of a row."""
        return super().of(row | {"body_kept": bool(row["kept"])})


class BodyView(BaseModel):
    """A body as it came; `text` where it is UTF-8."""

    base64: str
    text: str | None


class DeliveryDetail(DeliveryView):
    """A delivery with its replays, and the names of the headers that are kept for them."""

    headers: list[str]
    replays: list[ReplayedView]
    body: BodyView | None = None


class DeliveryPage(BaseModel):
    """
    Deliveries, newest first; `next` is the cursor to go on with.

    A page may hold fewer than were asked for, none even, while there are older deliveries to search.
    """

    deliveries: list[DeliveryView]
    next: str | None


class ReplayRequest(BaseModel):
    """`dry_run`: say what would happen, and write nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dry_run: bool = False


class StepView(BaseModel):
    """A step of a delivery's way and what it came to."""

    step: str
    result: str


class ReplayOutcome(BaseModel):
    """What became of an event."""

    type: str
    callback_id: str | None
    outcome: Outcome
    conflict: bool
    contradicts: bool


class ReplayView(BaseModel):
    """
    What a replay did or, dry, would do: `pending` then means that Restate would be told.

    `id` is the delivery that records it, null where it was dry. `outcome` and `reason` are those of a
    delivery without events.
    """

    id: str | None
    replay_of: str
    dry_run: bool
    outcome: Outcome | None
    reason: str | None
    events: list[ReplayOutcome]
    steps: list[StepView]


def _known(delivery_id: str) -> str:
    if not _ID.fullmatch(delivery_id):
        raise NotFound("there is no delivery with this id, or it is another client's")
    return delivery_id


DeliveryId = Annotated[str, Depends(_known)]


@router.get("", summary="Search deliveries, newest first")
async def search_deliveries(
    gateway: RunningGateway,
    caller: AuthenticatedCaller,
    source: Annotated[str | None, Query(pattern=r"^[a-z0-9-]{1,32}$")] = None,
    callback: Annotated[str | None, Query(pattern=r"^cb_[0-9a-z]{26}$")] = None,
    outcome: Outcome | None = None,
    event_id: Annotated[str | None, Query(max_length=512, pattern=r"^[^\x00-\x1f]+$")] = None,
    since: datetime | None = None,
    cursor: Annotated[str, Query(pattern=r"^(dl_[0-9a-z]{26})?$")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> DeliveryPage:
    """
    The deliveries of the client's callbacks, and of its sources those that are for nobody else's.

    `outcome` is that of the delivery or of one of its events. `cursor` is the `next` of the page before.
    """
    viewer = _viewer(gateway, caller)
    moment = None
    if since is not None:
        moment = max((since if since.tzinfo else since.replace(tzinfo=UTC)).timestamp(), 0)
    rows: list[dict[str, Any]] = []
    following: str | None = cursor
    until = time.monotonic() + _SEARCH_SECONDS
    while following is not None and len(rows) < limit:
        wanted = Search(source, callback, outcome, event_id, moment, following)
        found = await gateway.ledger.read(deliveries.search(viewer, wanted, limit - len(rows)))
        rows += found.rows
        following = found.next
        if time.monotonic() > until:
            break
    return DeliveryPage(deliveries=[DeliveryView.of(row) for row in rows], next=following)


@router.get("/{delivery_id}", summary="One delivery, its events and its replays")
async def get_delivery(
    delivery_id: DeliveryId, gateway: RunningGateway, caller: AuthenticatedCaller, body: bool = False
) -> DeliveryDetail:
    """One delivery; its body only with `?body=true`, values of headers never."""
    viewer = _viewer(gateway, caller)
    row = await gateway.ledger.read(deliveries.get(viewer, delivery_id))
    if body and row["shared"] and not caller.ops:
        raise Forbidden("its body also holds events of another client's callback")
    shown = row | {
        "body_kept": bool(row["kept"]),
        "received_at": datetime.fromtimestamp(row["received_at"] / 1000, UTC),
        "headers": sorted({name for name, _ in json.loads(row["headers"])}),
        "replays": [ReplayedView.of(one) for one in row["replays"]],
    }
    if body:
        raw = await gateway.ledger.read(deliveries.body(viewer, delivery_id))
        shown["body"] = None if raw is None else _body(raw)
    return DeliveryDetail(**{name: shown[name] for name in DeliveryDetail.model_fields if name in shown})


@router.post("/{delivery_id}/replay", summary="Do a delivery again")
async def replay_delivery(
    delivery_id: DeliveryId,
    gateway: RunningGateway,
    caller: AuthenticatedCaller,
    request: ReplayRequest = ReplayRequest(),  # noqa: B008  # it is frozen
) -> ReplayView:
    """
    Verified again as of its receipt, then judged by the callback's state now.

    Only an event without an effect can gain one. 409 `not_replayable` where its body, its secret or its
    source is gone.
    """
    stored = await gateway.ledger.read(deliveries.stored(_viewer(gateway, caller), delivery_id))
    caller.may_use(stored.source)
    done = await replay(gateway, stored, request.dry_run)
    named = sorted({one.callback_id for one in done.disposed if one.callback_id})
    hidden = set()
    if not caller.ops:
        hidden = await gateway.ledger.read(deliveries.others(caller.name, named))
    logger.info("replay", delivery=delivery_id, client=caller.name, dry_run=request.dry_run)
    return ReplayView(
        id=done.delivery_id,
        replay_of=stored.first,
        dry_run=request.dry_run,
        outcome=done.refused,
        reason=done.reason,
        events=[
            ReplayOutcome(
                type=one.event_type,
                callback_id=one.callback_id,
                outcome=one.outcome,
                conflict=one.conflict,
                contradicts=one.contradicts,
            )
            for one in done.disposed
            if one.callback_id not in hidden
        ],
        steps=[StepView(step=one.step, result=one.result) for one in done.steps],
    )


def _viewer(gateway: Gateway, caller: Caller) -> Viewer:
    allowed = [name for name in gateway.sources.by_name if allows(caller.sources, name)]
    return Viewer(caller.name, allowed, caller.ops)


def _body(raw: bytes) -> BodyView:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = None
    return BodyView(base64=base64.b64encode(raw).decode(), text=text)
