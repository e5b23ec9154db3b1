"""The examples of docs/testing.md, as they stand there: with Restate faked, and on a real one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from stack.part import clean_environment
from stack.restate import Restate

GUIDE = (Path(__file__).parent.parent.parent / "docs" / "testing.md").read_text()
FILES = dict(re.findall(r"^`(\w+\.\w+)`:\n\n```\w+\n(.*?)```", GUIDE, re.DOTALL | re.MULTILINE))
FAKED = ("pytest.ini", "test_payments.py")
REAL = ("pytest.ini", "conftest.py", "shop.py", "test_shop.py")


@pytest.mark.parametrize(("names", "passed"), [(FAKED, 3), (REAL, 2)])
def test_an_example_passes_as_it_stands(
    names: tuple[str, ...], passed: int, restate: Restate, tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / name).write_text(FILES[name])
    addresses = {"RESTATE_INGRESS_URL": restate.ingress_url, "RESTATE_ADMIN_URL": restate.admin_url}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "error"],
        cwd=tmp_path,
        env=clean_environment() | addresses,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert f"{passed} passed" in ended.stdout, ended.stdout + ended.stderr
    assert ended.returncode == 0


def test_every_file_of_the_page_is_in_an_example() -> None:
    assert FILES.keys() == {*FAKED, *REAL}
