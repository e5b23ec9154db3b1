"""`make` says what there is, and what is wrong with the machine, before it installs anything."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stack.part import ROOT


def make(*arguments: str, path: Path | None = None, project: Path = ROOT) -> subprocess.CompletedProcess[str]:
    # Nothing else of the environment: `make test` is a make itself, and would tell this one so.
    environment = {"PATH": str(path) if path else os.environ["PATH"]}
    command = [shutil.which("make") or "make", *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A clean clone, as far as installing is concerned."""
    for name in ("Makefile", "pyproject.toml", "uv.lock", "stack/install.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def tools(folder: Path, **programs: str) -> Path:
    """A PATH with the usual tools, no uv, and the shell scripts given as programs."""
    folder.mkdir()
    for name in ("sh", "sed", "touch", "echo"):
        (folder / name).symlink_to(shutil.which(name) or name)
    for name, text in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return folder


def test_make_alone_lists_what_there_is() -> None:
    listed = make()
    assert listed.stdout == make("help").stdout
    names = [line.split()[1] for line in listed.stdout.splitlines()]
    assert names == ["help", "demo", "test", "test-sdks", "chaos", "rotations", "bench", "check"]


@pytest.mark.parametrize(
    ("python3", "found"),
    [('case "$2" in *platform*) echo 3.9.2 ;; *) exit 1 ;; esac', "3.9.2"), ("exit 127", "not there")],
)
def test_a_python_that_is_too_old_is_named(project: Path, tmp_path: Path, python3: str, found: str) -> None:
    refused = make("check", path=tools(tmp_path / "bin", python3=python3), project=project)
    assert refused.returncode != 0
    assert f"Python 3.11 or newer is needed; python3 here is {found}." in refused.stderr
    assert not (project / ".venv").exists()


def test_a_python_without_venv_is_told_where_to_get_it(project: Path, tmp_path: Path) -> None:
    python3 = 'case "$2" in *venv*) exit 1 ;; *executable*) echo "$0" ;; esac'
    refused = make("check", path=tools(tmp_path / "bin", python3=python3), project=project)
    assert refused.returncode != 0
    assert "apt install python3-venv" in refused.stderr
    assert not (project / ".venv").exists()


def test_the_packages_are_installed_from_the_lock_and_only_when_it_changed(
    project: Path, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    python3 = 'case "$2" in *executable*) echo "$0" ;; esac'
    uv = f'echo "$@" >> {calls}; echo "$UV_PYTHON_DOWNLOADS" >> {calls}; {shutil.which("mkdir")} -p .venv'
    path = tools(tmp_path / "bin", python3=python3, uv=uv)
    for _ in range(2):
        make(".venv/.ready", path=path, project=project)

    assert calls.read_text().splitlines() == [
        f"sync --frozen --all-extras --quiet --python {path / 'python3'}",
        "never",
    ]


def test_packages_go_into_another_environment_when_asked(project: Path, tmp_path: Path) -> None:
    python3 = 'case "$2" in *executable*) echo "$0" ;; esac'
    path = tools(tmp_path / "bin", python3=python3, uv='echo "$UV_PROJECT_ENVIRONMENT: $@"')
    command = [str(path / "sh"), "stack/install.sh", "--into", ".venv-sdks", "--group", "sdks"]
    said = subprocess.run(command, cwd=project, env={"PATH": str(path)}, capture_output=True, text=True)
    ran = f"sync --frozen --all-extras --quiet --python {path / 'python3'} --group sdks"
    assert said.stdout.splitlines()[-1] == f".venv-sdks: {ran}"
    assert not (project / ".venv").exists()


def test_the_judges_of_npm_are_pinned_by_version_and_hash_and_name_no_registry() -> None:
    folder = ROOT / "tests" / "sdks" / "npm"
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]

    assert packages.pop("")["dependencies"] == wanted
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert not any("resolved" in entry for entry in packages.values())
