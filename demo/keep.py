"""Leaving everything running, for whoever wants to look around."""

from __future__ import annotations

import signal
from contextlib import suppress

from demo.screen import Screen
from stack.stack import Stack


def keep_running(stack: Stack, screen: Screen) -> None:
    """Show where everything is, and return on Ctrl-C."""
    screen.heading("Everything goes on running, until Ctrl-C:")
    for name, address in (
        ("webhooks", stack.public_url),
        ("gateway", f"{stack.internal_url}/docs"),
        ("Restate", stack.restate.admin_url),
        ("ingress", stack.restate.ingress_url),
        ("AcmePay", f"{stack.simulator_url}/docs"),
    ):
        screen.say(f"{name:<9} {address}")
    screen.heading("The callbacks so far, and the keys that sign them:")
    # The token comes out of a file, so that neither the screen nor a list of processes shows it.
    curl = f"curl --silent --header @{stack.files.client_header}"
    screen.verbatim(f"{curl} {stack.internal_url}/v1/callbacks")
    screen.verbatim(f"{curl} {stack.internal_url}/v1/keys")
    with suppress(KeyboardInterrupt):
        signal.pause()
    screen.say("Stopping …")
