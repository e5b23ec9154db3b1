"""All services, ready for callbacks."""

from __future__ import annotations

from services.approvals import approvals
from services.books import books
from services.callbacks import callbacks
from services.checkout import checkout
from services.desk import desk, questions
from services.onboarding import onboarding
from services.orders import orders
from services.payments import payments
from services.reviews import reviews
from services.subscriptions import subscriptions

SERVICES = callbacks.bind(
    approvals,
    books,
    checkout,
    desk,
    onboarding,
    orders,
    payments,
    questions,
    reviews,
    subscriptions,
)
