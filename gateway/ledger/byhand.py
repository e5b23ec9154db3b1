"""A callback that ops complete by hand: the same path as a provider's event, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable

from gateway.errors import Conflict
from gateway.ledger.disposing import record
from gateway.ledger.issuing import owned
from gateway.ledger.records import Callback, Disposed, Proposal
from gateway.ledger.worker import Transaction
from gateway.outcome import Outcome


def complete(proposal: Proposal, callback_id: str) -> Callable[[Transaction], Disposed]:
    """
    The operation that completes a callback with the one event of a proposal, whose token is the callback's.

    Raises `Conflict` where the callback is no longer open, and then nothing is written: what had come before
    has won. One whose event Restate refused for good can still be completed.
    """

    def operation(tx: Transaction) -> Disposed:
        # Else it would be made again from its token.
        owned(tx, callback_id, None)
        (disposed,) = record(proposal, lambda: "")(tx)
        if disposed.outcome is not Outcome.PENDING:
            state = Callback.from_row(owned(tx, callback_id, None)).state_at(proposal.now)
            raise Conflict(f"it is {state} already; nothing was done")
        return disposed

    return operation
