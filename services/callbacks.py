"""The gateway as these services see it."""

from __future__ import annotations

from gateway.client import Callbacks

callbacks = Callbacks.from_env(inbox="ServicesInbox")
