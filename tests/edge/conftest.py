"""Gateways to be flooded, with the bounds that they have by default."""

from __future__ import annotations

# Fixtures: a gateway that a module shares, and gateways of a test's own.
from tests.gateway.conftest import gateway, ingress, own_gateway, own_ingress, start_gateway  # noqa: F401
