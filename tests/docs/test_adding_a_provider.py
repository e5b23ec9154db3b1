"""What docs/adding-a-provider.md says is done, in a copy of the project, and nothing else: it works."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
GUIDE = (ROOT / "docs" / "adding-a-provider.md").read_text()
FILES = dict(re.findall(r"^`(gateway/\S+)`:\n\n```\w+\n(.*?)```", GUIDE, re.DOTALL | re.MULTILINE))
(LINE,) = re.findall(
    r"^In `gateway/providers/__init__.py`.*?```python\n(.*?)```", GUIDE, re.DOTALL | re.MULTILINE
)
CATALOGUE = Path("gateway/providers/__init__.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project with what the guide adds."""
    junk = shutil.ignore_patterns("__pycache__", ".pytest_cache")
    for name in ("gateway", "tests", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=junk)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_text(text)
    before, place, behind = (tmp_path / CATALOGUE).read_text().partition("from gateway.providers.fal ")
    assert place
    (tmp_path / CATALOGUE).write_text(f"{before}{LINE}{place}{behind}")
    return tmp_path


def run(project: Path, *command: str) -> str:
    done = subprocess.run([sys.executable, "-m", *command], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_guide_adds_a_module_a_line_and_a_folder_of_samples() -> None:
    assert LINE == "from gateway.providers.exemplar_pay import EXEMPLAR_PAY\n"
    samples = {
        f"gateway/providers/samples/exemplar-pay/{name}.json" for name in ("secrets", "success", "failure")
    }
    assert FILES.keys() == {"gateway/providers/exemplar_pay.py", *samples}


def test_the_provider_that_the_guide_adds_passes_the_conformance_suite(project: Path) -> None:
    run(project, "ruff", "check", "gateway/providers")
    run(project, "ruff", "format", "--check", "gateway/providers/exemplar_pay.py", str(CATALOGUE))
    suite = ("tests/providers/test_conformance.py", "-k", "exemplar-pay or known")
    said = run(project, "pytest", "--quiet", "-p", "no:cacheprovider", "-p", "no:xdist", *suite)
    passed = re.search(r"(\d+) passed", said)
    assert passed
    assert int(passed[1]) > 25
    assert "skipped" not in said
    run(project, "docs")
    assert "`payment.expired`" in (project / "docs" / "providers" / "exemplar-pay.md").read_text()
    pages = ("tests/docs/test_pages.py", "-k", "exemplar-pay or declarations_give or table")
    run(project, "pytest", "--quiet", "-p", "no:cacheprovider", "-p", "no:xdist", *pages)
