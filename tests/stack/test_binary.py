"""The restate-server is installed once, whole, and the one that was meant."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stack.binary import VERSION, restate_server
from stack.errors import StackError
from stack.part import ROOT

SAYS_VERSION = f"#!/bin/sh\necho restate-server {VERSION}\n"
# What npm does as far as we can tell: it makes the binary of this platform, and takes a while.
NPM = """#!/bin/sh
echo called >> "$CALLS"
sleep 0.3
for package in linux-x64 linux-arm64 darwin-x64 darwin-arm64; do
    mkdir -p "node_modules/@restatedev/restate-server-$package/bin"
    cp "$BINARY" "node_modules/@restatedev/restate-server-$package/bin/restate-server"
done
"""


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm that needs no network; the file that it returns has a line for each call."""
    executable(tmp_path / "bin" / "npm", NPM)
    monkeypatch.delenv("RESTATE_SERVER", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("BINARY", str(executable(tmp_path / "restate-server", SAYS_VERSION)))
    return tmp_path / "calls"


def test_a_binary_that_is_named_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = executable(tmp_path / "mine", SAYS_VERSION)
    monkeypatch.setenv("RESTATE_SERVER", str(named))
    assert restate_server(tmp_path / "cache") == named
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("text", "problem"),
    [("#!/bin/sh\necho something else 1.0\n", "is not a restate-server"), (None, "does not run")],
)
def test_a_named_binary_that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, problem: str
) -> None:
    if text is not None:
        executable(tmp_path / "mine", text)
    monkeypatch.setenv("RESTATE_SERVER", str(tmp_path / "mine"))
    with pytest.raises(StackError, match=f"RESTATE_SERVER names .*mine, which {problem}"):
        restate_server(tmp_path / "cache")


def test_it_is_installed_once(tmp_path: Path, npm: Path) -> None:
    first = restate_server(tmp_path / "cache")
    second = restate_server(tmp_path / "cache")

    assert first == second
    assert first.read_text() == SAYS_VERSION
    assert npm.read_text() == "called\n"


def test_several_processes_at_once_end_with_one_whole_installation(tmp_path: Path, npm: Path) -> None:
    cache = tmp_path / "cache"
    script = "import sys, pathlib, stack.binary as b; print(b.restate_server(pathlib.Path(sys.argv[1])))"

    def install() -> str:
        command = [sys.executable, "-c", script, str(cache)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    with ThreadPoolExecutor(3) as pool:
        paths = {*pool.map(lambda _: install(), range(3))}
    assert len(paths) == 1
    assert Path(paths.pop()).read_text() == SAYS_VERSION
    assert [entry.name for entry in cache.iterdir()] == [f"restate-server-{VERSION}"]


def test_an_installation_that_does_not_run_is_not_kept(
    tmp_path: Path, npm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BINARY", str(executable(tmp_path / "broken", "#!/bin/sh\nexit 1\n")))
    with pytest.raises(StackError, match="not a restate-server"):
        restate_server(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_a_way_to_npm_it_says_what_to_do_instead(
    tmp_path: Path, npm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(tmp_path / "bin" / "npm", "#!/bin/sh\necho npm error network >&2\nexit 1\n")
    # The borrowed npm cannot come either.
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    with pytest.raises(StackError, match=r"(?s)could not be installed.*RESTATE_SERVER.*npm error network"):
        restate_server(tmp_path / "cache")


def test_a_platform_that_it_does_not_come_for_is_named(
    tmp_path: Path, npm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(StackError, match=r"for .* on riscv64: it comes for Linux and macOS"):
        restate_server(tmp_path / "cache")


def test_the_lock_file_holds_a_hash_for_each_platform_and_names_no_registry() -> None:
    text = (ROOT / "stack" / "npm" / "package-lock.json").read_text()
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}

    assert {name.rpartition("restate-server-")[2] for name in packages} == {
        *("linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64")
    }
    assert {entry["version"] for entry in packages.values()} == {VERSION}
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert "http" not in text
