"""`python -m demo [--keep]`: play every story; exit code 0 only if all went as expected."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from demo.keep import keep_running
from demo.screen import Screen
from demo.stage import Stage
from demo.stories import STORIES
from demo.story import Played, play
from stack.errors import StackError
from stack.stack import running


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo", description="Play the stories on real parts.")
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    keep = parser.parse_args().keep
    # Whoever ends the demo ends its parts as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    screen = Screen()
    directory = Path(tempfile.mkdtemp(prefix="gateway-demo-"))
    failed = False
    try:
        failed = not _demo(directory, screen, keep)
    except StackError as error:
        failed = True
        print(f"demo: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    finally:
        _tidy(directory, keep_logs=failed)
    return int(failed)


def _demo(directory: Path, screen: Screen, keep: bool) -> bool:
    """Start everything and play every story; whether all went as expected."""
    started = time.monotonic()
    screen.heading("Starting Restate, the gateway, the services and a simulated outside world:")
    with running(directory) as stack:
        screen.say(f"ready after {time.monotonic() - started:.1f} s.")
        stage = Stage(stack, screen)
        played = [play(number, story, stage, screen) for number, story in enumerate(STORIES, 1)]
        good = _report(played, time.monotonic() - started, screen)
        if keep:
            keep_running(stack, screen)
    return good


def _report(played: Sequence[Played], seconds: float, screen: Screen) -> bool:
    rows = [
        (one.story.title, one.story.expected, one.seen, f"{one.seconds:.1f} s".rjust(6)) for one in played
    ]
    screen.table(("Story", "Expected", "Seen", "  Time"), rows, [not one.good for one in played])
    as_expected = sum(one.good for one in played)
    screen.heading(f"{as_expected} of {len(played)} stories went as expected, in {seconds:.0f} s.")
    return as_expected == len(played)


def _tidy(directory: Path, keep_logs: bool) -> None:
    """Remove secrets and databases, and the logs unless somebody has to look at them."""
    for name in ("config", "restate"):
        shutil.rmtree(directory / name, ignore_errors=True)
    if keep_logs:
        print(f"The logs are in {directory / 'logs'}", file=sys.stderr)
    else:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
