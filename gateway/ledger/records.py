"""What the ledger holds, as values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from gateway import targets
from gateway.delivery import Delivery, Event
from gateway.outcome import Outcome, State
from gateway.rules import OnFailure, Rules, Verdict
from gateway.targets import Awakeable, Handler, Target
from gateway.tokens import Claims

#: Whether somebody still waits is not asked earlier after issuing: a handler that asks for a callback runs.
FIRST_LOOK_MS = 5 * 60_000
#: A value that Restate accepted is in its journal some milliseconds later.
EFFECT_LOOK_MS = 2_000
#: By their names; the enumeration's own look-up costs four times as much.
_STATES = {state.value: state for state in State}


@dataclass(slots=True)
class Callback:
    """
    One expected completion. `created_at` and `expires_at` in seconds since the epoch.

    `key_id` is the key that its URL is signed with, "" where it has no URL of its own.
    `public_url` is what its URL begins with, which the setting of this name may no longer be.
    """

    id: str
    client: str
    source: str
    target: Target
    rules: Rules | None
    on_failure: OnFailure
    label: str
    metadata: Any
    reference: str
    key_id: str
    public_url: str
    created_at: float
    expires_at: int
    state: State
    adopted: bool = False
    took_effect: Literal["yes", "no", "unknown"] = "unknown"
    orphaned: bool = False
    approval: dict[str, Any] | None = None

    @property
    def claims(self) -> Claims:
        """What its token says."""
        return Claims(self.id, self.source, self.target, self.expires_at, self.rules, self.on_failure)

    def state_at(self, now: float) -> State:
        """Its state, where the sweep has not come round yet."""
        expired = self.state is State.OPEN and now > self.expires_at
        return State.EXPIRED if expired else self.state

    @property
    def stream(self) -> bool:
        """Whether it takes every event."""
        return isinstance(self.target, Handler)

    @classmethod
    def from_row(cls, row: Any) -> Callback:
        """The callback that a row of the table `callbacks` holds."""
        return cls(
            id=row["id"],
            client=row["client"],
            source=row["source"],
            target=targets.load(row["target"]),
            rules=_rules(row["rules"]) if row["rules"] else None,
            on_failure=row["on_failure"],
            label=row["label"],
            metadata=json.loads(row["metadata"]) if row["metadata"] else None,
            reference=row["reference"],
            key_id=row["key_id"],
            public_url=row["public_url"],
            created_at=row["created_at"] / 1000,
            expires_at=row["expires_at"],
            state=State(row["state"]),
            adopted=bool(row["adopted"]),
            took_effect=row["took_effect"],
            orphaned=bool(row["orphaned"]),
            approval=json.loads(row["approval"]) if row["approval"] else None,
        )

    def to_row(self) -> dict[str, Any]:
        """Its row, without the columns that only issuing knows."""
        rules = {"succeed_on": self.rules.succeed_on, "fail_on": self.rules.fail_on} if self.rules else None
        return {
            "id": self.id,
            "client": self.client,
            "source": self.source,
            "target": targets.dump(self.target),
            "rules": json.dumps(rules) if rules else None,
            "on_failure": self.on_failure,
            "label": self.label,
            "metadata": None if self.metadata is None else json.dumps(self.metadata),
            "reference": self.reference,
            "key_id": self.key_id,
            "public_url": self.public_url,
            "created_at": int(self.created_at * 1000),
            "expires_at": self.expires_at,
            "state": self.state,
            "state_at": int(self.created_at * 1000),
            "adopted": self.adopted,
            "sequence": 0,
            "took_effect": self.took_effect,
            "orphaned": self.orphaned,
            "check_at": check_at(self.target, FIRST_LOOK_MS, self.created_at),
            "approval": None if self.approval is None else json.dumps(self.approval),
        }


@dataclass(slots=True)
class Goal:
    """
    Of a callback, what an event for it is judged by and what Restate is told: each delivery reads that much.

    See `Callback` for what each is. `fresh`: the event that it was looked up for had no effect before, by its
    id; False where that was not asked.
    """

    id: str
    source: str
    target: Target
    rules: Rules | None
    on_failure: OnFailure
    expires_at: int
    state: State
    took_effect: Literal["yes", "no", "unknown"]
    adopted: bool
    fresh: bool = False

    #: Its columns, of `callbacks c`, in this order; of `fresh` the callback itself knows nothing.
    COLUMNS: ClassVar[str] = (
        "c.id, c.source, c.target, c.rules, c.on_failure, c.expires_at, c.state, c.took_effect, c.adopted"
    )

    @property
    def stream(self) -> bool:
        """Whether it takes every event."""
        return isinstance(self.target, Handler)

    @classmethod
    def of(cls, columns: Iterable[Any], target: Target | None = None, fresh: bool = False) -> Goal:
        """
        The goal whose columns are given.

        `target` is what it is likely to be: to read it again costs more than to compare the texts.
        """
        callback_id, source, text, rules, on_failure, expires_at, state, took_effect, adopted = columns
        if target is None or targets.dump(target) != text:
            target = targets.load(text)
        return cls(
            callback_id,
            source,
            target,
            _rules(rules) if rules else None,
            on_failure,
            expires_at,
            _STATES[state],
            took_effect,
            bool(adopted),
            fresh,
        )


def check_at(target: Target, after: int, now: float) -> int | None:
    """When Restate is to be asked whether an invocation waits, `after` milliseconds; None for never."""
    return int(now * 1000) + after if isinstance(target, Awakeable) else None


def _rules(text: str) -> Rules:
    rules = json.loads(text)
    return Rules(tuple(rules["succeed_on"]), tuple(rules["fail_on"]))


@dataclass(slots=True)
class Proposal:
    """
    A verified delivery, ready to be written: what should happen, before the ledger has a say.

    `claims` is what the token in its URL said, None for an account's URL, where a callback is found by
    the events' references and objects. `judged` holds each event with the verdict of the source's own
    rules, which the callback's own replace. `now` is when it is disposed of, in seconds; what it does to a
    callback is judged as of its receipt. `replay_of` is the delivery that ops have done again.
    `verdict` is that of ops who complete a callback by hand, in place of the rules', and `note` says so.
    """

    id: str
    source: str
    delivery: Delivery
    kept_headers: list[tuple[str, str]] = field(repr=False)
    secret: str
    events: tuple[Event, ...]
    rules: Rules
    claims: Claims | None
    key_id: str
    now: float
    replay_of: str | None = None
    verdict: Verdict | None = None
    note: str | None = None


@dataclass(slots=True)
class Owed:
    """
    An event's effect that Restate has to be told of: everything that step 7 needs.

    `row` is the event's row, `source` where it came from, which is not the callback's where ops gave it;
    `waits` says that an older event of its stream has to be told first.
    """

    row: int
    callback: Goal
    source: str
    event_id: str
    event_type: str
    type_verified: bool
    verdict: Verdict
    time: str
    reason: str | None
    data: bytes = field(repr=False)
    json: bool
    media_type: str
    sequence: int | None
    attempts: int = 0
    waits: bool = False


@dataclass(slots=True)
class Disposed:
    """What became of one event, and what is owed to Restate for it."""

    outcome: Outcome
    event_type: str
    callback_id: str | None
    conflict: bool = False
    contradicts: bool = False
    adopted: bool = False
    owed: Owed | None = None
