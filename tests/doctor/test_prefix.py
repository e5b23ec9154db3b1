"""A public URL with a path prefix: the proxy may pass it on or take it off, and add nothing to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.doctor.conftest import opened


def test_a_prefix_may_be_passed_on_or_taken_off_and_not_doubled(tmp_path: Path) -> None:
    with opened(tmp_path / "gateway", "/hooks") as clinic:
        assert clinic.examine(code=0) == {}
        clinic.proxy.alter = lambda request: replace(request, target=request.target.removeprefix("/hooks"))
        assert clinic.examine(code=0) == {}
        clinic.proxy.alter = lambda request: replace(request, target="/hooks" + request.target)
        assert "adds the path prefix /hooks:" in clinic.examine()["path"][0]["text"]
