"""`gateway demo`: it stands in the repository, beside the package, with the parts that it starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

import gateway
from gateway.errors import ConfigurationError


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")] = False,
) -> None:
    """
    Play every story on a real Restate with simulated providers; in a checkout of the repository only.

    Example: gateway demo --keep
    """
    checkout = Path(gateway.__file__).parent.parent
    if not (checkout / "demo" / "__main__.py").is_file():
        raise ConfigurationError(
            "the demo is not part of the installed package: it starts a Restate server, services and "
            "simulated providers. In a checkout of the repository `make demo` fetches these and plays it"
        )
    os.chdir(checkout)
    # In this process's place: it takes the signals, and ends its parts.
    os.execv(sys.executable, [sys.executable, "-m", "demo", *(["--keep"] if keep else [])])  # noqa: S606
