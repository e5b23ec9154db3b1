"""`gateway ledger …` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


class Command:
    """The command line in a folder with a `gateway.toml`, which `make` writes."""

    def __init__(self, folder: Path, *, make: bool = True) -> None:
        self.folder = folder
        if make:
            (folder / "gateway.toml").write_text('public_url = "https://hooks.example.com"\n')

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.folder / "gateway.db"

    def __call__(self, *arguments: str, code: int = 0, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run `gateway ledger` with arguments to its end; it has to end with this exit code."""
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "RESTATE_"))
        }
        ended = subprocess.run(
            [sys.executable, "-m", "gateway", "ledger", *arguments],
            cwd=self.folder,
            env=clean | {"NO_COLOR": "1", "COLUMNS": "120"} | environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == code, ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr
        return ended
