"""A gateway with a source for every provider of the catalogue, each with a secret that can sign."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.providers import CATALOGUE
from tests.cli.conftest import Console
from tests.gateway.ingress import FakeIngress
from tests.providers.samples import SECRETS

_HOUSE = """
[sources.house]
provider = "hmac"
secrets = ["5f0c1a7c33b2d84a6f9e0d5c71"]
succeed_on = ["job.done"]
[sources.house.hmac]
header = "X-House-Signature"
event_type = "header:x-house-event"
event_id = "job.number"
reference = "job.ref"
"""


class SigningGateway(Console):
    """Sources are named as their providers are; `house` has a sender of its own."""

    def __init__(self, directory: Path, ingress: FakeIngress) -> None:
        super().__init__(directory, ingress)
        with (directory / "gateway.toml").open("a") as config:
            config.write(_HOUSE)
            for name, provider in CATALOGUE.items():
                config.write(f"[sources.{name}]\nprovider = {json.dumps(name)}\n")
                if provider.signed:
                    config.write(f"secrets = {json.dumps(SECRETS[name])}\n")
                if provider.experimental:
                    config.write("experimental = true\n")
                if not provider.succeed_on:
                    config.write('succeed_on = ["*"]\n')
                if provider.url == "account" and not provider.reader.correlates:
                    config.write("per_callback_url = true\n")
