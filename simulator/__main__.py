"""`python -m simulator --port N`: the outside world on a port of 127.0.0.1."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import uvicorn

from simulator.app import Secrets, create_app
from simulator.sending import TIME_SCALE, Sender


def main() -> None:
    parser = argparse.ArgumentParser(prog="simulator", description="A simulated outside world.")
    parser.add_argument("--port", type=int, required=True, help="the port on 127.0.0.1 to listen on")
    parser.add_argument(
        "--time-scale",
        type=float,
        default=TIME_SCALE,
        metavar="FACTOR",
        help="what the pauses between repeats are shortened by (default: %(default)s; 1 is real time)",
    )
    arguments = parser.parse_args()
    secrets = Secrets(acmepay=_secret("ACMEPAY_SECRET_FILE"), idcheck=_secret("IDCHECK_SECRET_FILE"))
    # No access log: it would hold nothing of use here, and uvicorn's other words go to standard error.
    uvicorn.run(
        create_app(secrets, Sender(arguments.time_scale)),
        host="127.0.0.1",
        port=arguments.port,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=3,
    )


def _secret(variable: str) -> str:
    path = os.environ.get(variable)
    if not path:
        raise SystemExit(f"simulator: {variable} has to name the file with the secret to sign with")
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise SystemExit(f"simulator: {variable}: {path}: {error.strerror}") from None


if __name__ == "__main__":
    main()
