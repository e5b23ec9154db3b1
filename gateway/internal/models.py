"""What the internal API takes and gives, as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from gateway import strict_json, targets
from gateway.errors import Malformed
from gateway.invocations import invocation_id
from gateway.ledger.records import Callback
from gateway.outcome import Outcome, State
from gateway.settings import parse_duration
from gateway.status import Waiting
from gateway.targets import Awakeable


def _no_halves(text: str) -> str:
    # Half of a surrogate pair is valid JSON and no text: nothing behind us could store it.
    text.encode()
    return text


def _strict(value: Any) -> Any:
    # What Python's reader takes beyond JSON could not be shown again.
    try:
        strict_json.read(json.dumps(value, ensure_ascii=False).encode())
    except (Malformed, ValueError, RecursionError):
        raise ValueError(
            f"JSON is needed without NaN, Infinity and halves of surrogate pairs, at most "
            f"{strict_json.MAX_DEPTH} levels deep"
        ) from None
    return value


Text = Annotated[str, AfterValidator(_no_halves)]
ShortText = Annotated[str, Field(max_length=200), AfterValidator(_no_halves)]
Seconds = Annotated[timedelta, BeforeValidator(parse_duration)]
EventTypes = Annotated[list[Annotated[ShortText, Field(min_length=1)]], Field(max_length=50)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Common(_Request):
    target: dict[str, Any] = Field(
        description='{"awakeable"} or {"workflow", "key", "promise", "handler"?} or '
        '{"service", "key"?, "handler"}',
        examples=[{"awakeable": "sign_1…"}],
    )
    expires_in: Seconds | None = Field(None, description='"24h", "30d", or seconds')
    on_failure: Literal["reject", "resolve"] = "reject"
    label: ShortText = Field("", description="tells callbacks of the same target apart; searchable")
    metadata: Annotated[Any, AfterValidator(_strict)] = Field(
        None, description="kept with the callback, at most 4 KiB as JSON"
    )


class CallbackRequest(_Common):
    """A request to issue a callback URL."""

    source: ShortText
    succeed_on: EventTypes | None = Field(None, description="event types, in place of the source's own")
    fail_on: EventTypes | None = None


class Action(_Request):
    """A button on an approval page."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,32}$")]
    label: Annotated[Text, Field(min_length=1, max_length=60)]
    outcome: Literal["succeed", "fail"]


APPROVE_OR_REJECT = (
    Action(name="approve", label="Approve", outcome="succeed"),
    Action(name="reject", label="Reject", outcome="fail"),
)


class ApprovalRequest(_Common):
    """A request for people to decide."""

    title: Annotated[Text, Field(min_length=1, max_length=200)]
    detail: Annotated[Text, Field(max_length=10_000)] | None = None
    fields: Annotated[dict[ShortText, Annotated[Text, Field(max_length=2000)]], Field(max_length=50)] = {}
    actions: Annotated[tuple[Action, ...], Field(min_length=1, max_length=8)] = APPROVE_OR_REJECT
    recipients: Annotated[list[Annotated[ShortText, Field(min_length=1)]], Field(min_length=1, max_length=50)]


class IssuedCallback(BaseModel):
    """An issued callback. `url` is null for a provider that has one URL per account."""

    id: str
    url: str | None
    account_url: str
    reference: str
    expires_at: datetime
    key_id: str | None = Field(description="the key that its URL is signed with; null where it has none")


class IssuedApproval(BaseModel):
    """An issued approval, with one URL a recipient."""

    id: str
    urls: dict[str, str]
    expires_at: datetime
    key_id: str


class DeliveredEvent(BaseModel):
    """An event that came for a callback, and what became of it."""

    delivery_id: str
    event_id: str
    type: str
    outcome: Outcome
    conflict: bool
    contradicts: bool
    sequence: int | None
    attempts: int
    error: str | None
    received_at: datetime


class CallbackView(BaseModel):
    """A callback as it stands."""

    id: str
    client: str = Field(description='"" of one that was adopted')
    source: str
    state: State
    target: dict[str, Any]
    label: str
    metadata: Any
    reference: str
    key_id: str | None
    adopted: bool
    took_effect: Literal["yes", "no", "unknown"] = Field(
        description="whether its invocation had not ended when its value came, as Restate says afterwards"
    )
    orphaned: bool = Field(description="its invocation ended while it was open: nobody waits any more")
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, callback: Callback, now: float) -> CallbackView:
        """What is shown of a callback; `now` is in seconds."""
        return cls(**_shown(callback, now))


class CallbackDetail(CallbackView):
    """A callback with the events that came for it, oldest first, at most 1,000."""

    waiting: Waiting = Field(
        description="whether its invocation still waits, as Restate says now; of an awakeable only"
    )
    invocation_id: str | None = Field(
        description="the awakeable's invocation: as secret as the awakeable's id", repr=False
    )
    deliveries: list[DeliveredEvent]

    @classmethod
    def with_events(
        cls, callback: Callback, events: list[dict[str, Any]], waiting: Waiting, now: float
    ) -> CallbackDetail:
        """What is shown of a callback and its events; `now` is in seconds."""
        delivered = [
            DeliveredEvent(**event | {"received_at": _moment(event["received_at"] / 1000)})
            for event in events
        ]
        target = callback.target
        return cls(
            **_shown(callback, now),
            waiting=waiting,
            invocation_id=invocation_id(target) if isinstance(target, Awakeable) else None,
            deliveries=delivered,
        )


class CallbackPage(BaseModel):
    """Callbacks, newest first; `next` is the cursor of the following page."""

    callbacks: list[CallbackView]
    next: str | None


class StateView(BaseModel):
    """A callback's state after a request to change it."""

    id: str
    state: State


class AliasRequest(_Request):
    """A provider's object that belongs to a callback."""

    alias: Annotated[Text, Field(min_length=1, max_length=200)]


class AliasView(BaseModel):
    """An alias that was taken."""

    id: str
    alias: str


def _shown(callback: Callback, now: float) -> dict[str, Any]:
    target = targets.as_json(callback.target)
    if "awakeable" in target:
        # The id is a capability over the whole invocation; who waits is told by other means.
        target = {"awakeable": "hidden"}
    return {
        "id": callback.id,
        "client": callback.client,
        "source": callback.source,
        "state": callback.state_at(now),
        "target": target,
        "label": callback.label,
        "metadata": callback.metadata,
        "reference": callback.reference,
        "key_id": callback.key_id or None,
        "adopted": callback.adopted,
        "took_effect": callback.took_effect,
        "orphaned": callback.orphaned,
        "created_at": _moment(callback.created_at),
        "expires_at": _moment(callback.expires_at),
    }


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
