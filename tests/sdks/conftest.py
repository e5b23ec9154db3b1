"""The table of verdicts that ends `make test-sdks`."""

from __future__ import annotations

from collections import defaultdict
from importlib.metadata import version

import pytest

import tests.sdks.third_party  # noqa: F401  # its judges declare themselves
from tests.sdks.judges import JUDGES
from tests.sdks.signers import SIGNERS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line a provider: the library, and whether every verdict of the two sides is right."""
    verdicts: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        # tests/sdks/test_judges.py::test_name[success-stripe]@stripe: xdist adds the group.
        path, _, rest = report.nodeid.partition("::")
        kind, _, name = rest.partition("[")[2].partition("]")[0].partition("-")
        provider = name if kind in ("success", "failure") else f"{kind}-{name}".rstrip("-")
        verdicts[path.rpartition("/")[2], provider].append(report.passed)

    def said(column: str, provider: str, there: bool) -> str:
        found = verdicts[column, provider]
        if not found:
            return "not asked" if there else "it signs nothing"
        right = sum(found)
        return f"{right} right" if right == len(found) else f"{len(found) - right} of {len(found)} WRONG"

    asked = {provider for _, provider in verdicts}
    terminalreporter.section("verdicts")
    terminalreporter.write_line(
        f"{'provider':18} {'library':32} {'on what we sign':17} ours on what it signs"
    )
    for provider in sorted(asked & JUDGES.keys()):
        library = f"{JUDGES[provider].library} {version(JUDGES[provider].library)}"
        judged = said("test_judges.py", provider, there=True)
        signed = said("test_signers.py", provider, there=provider in SIGNERS)
        terminalreporter.write_line(f"{provider:18} {library:32} {judged:17} {signed}")
