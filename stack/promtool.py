"""promtool: the one on PATH, or that of the Debian package `prometheus`, unpacked and not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from stack.errors import StackError
from stack.part import ROOT

_CACHE = ROOT / ".cache" / "promtool"


def promtool() -> Path:
    """The program, fetched the first time; `StackError` where there is neither one nor Debian's packages."""
    if found := shutil.which("promtool"):
        return Path(found)
    program = _CACHE / "usr" / "bin" / "promtool"
    if not program.exists():
        _fetch()
    return program


def _fetch() -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise StackError("promtool is not here: install Prometheus, which brings it")
    _CACHE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE.parent) as name:
        folder = Path(name)
        # Lists and archives of its own, so that neither root nor the system's own lists are needed.
        for needed in ("state/lists/partial", "cache/archives/partial"):
            (folder / needed).mkdir(parents=True)
        apt = [
            *("apt-get", "-qq", "-o", f"Dir::State={folder}/state", "-o", f"Dir::Cache={folder}/cache"),
            *("-o", "Dir::State::status=/var/lib/dpkg/status", "-o", "Debug::NoLocking=1"),
            *("-o", "APT::Sandbox::User=root"),
        ]
        _run([*apt, "update"], folder)
        _run([*apt, "download", "prometheus"], folder)
        (package,) = folder.glob("prometheus_*.deb")
        _run(["dpkg-deb", "--extract", str(package), "unpacked"], folder)
        try:
            os.rename(folder / "unpacked", _CACHE)
        except OSError:
            # Another test process was first.
            if not _CACHE.exists():
                raise


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StackError(f"promtool could not be fetched: {' '.join(command[:1])}: {done.stderr.strip()}")
