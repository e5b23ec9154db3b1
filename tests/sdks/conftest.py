"""Where libraries from npm are asked, and the table of verdicts that ends `make test-sdks`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version

import pytest

import tests.sdks.third_party  # noqa: F401  # its judges declare themselves
from tests.sdks.judges import JUDGES
from tests.sdks.node import Node
from tests.sdks.npm_judges import NPM_JUDGES, installed
from tests.sdks.signers import SIGNERS


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """A process of Node, the same for a worker's tests."""
    process = Node()
    yield process
    process.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line a judge: provider, library, and whether every verdict of the two sides is right."""
    verdicts: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        # tests/sdks/test_judges.py::test_name[success-stripe]@stripe: xdist adds the group.
        path, _, rest = report.nodeid.partition("::")
        name = rest.partition("[")[2].rpartition("]")[0]
        judge = name.removeprefix("success-").removeprefix("failure-")
        verdicts[path.rpartition("/")[2], judge].append(report.passed)

    def said(column: str, judge: str, there: bool) -> str:
        found = verdicts[column, judge]
        if not found:
            return "not asked" if there else "it signs nothing"
        right = sum(found)
        return f"{right} right" if right == len(found) else f"{len(found) - right} of {len(found)} WRONG"

    asked = {judge for _, judge in verdicts}
    rows = [
        (
            provider,
            f"{one.library} {version(one.library)}",
            said("test_judges.py", provider, there=True),
            said("test_signers.py", provider, there=provider in SIGNERS),
        )
        for provider, one in JUDGES.items()
        if provider in asked
    ] + [
        (
            one.provider,
            f"npm {one.library} {installed(one.library)}",
            said("test_npm_judges.py", str(one), there=True),
            said("test_npm_signers.py", str(one), there=one.signs),
        )
        for one in NPM_JUDGES
        if str(one) in asked
    ]
    terminalreporter.section("verdicts")
    terminalreporter.write_line(
        f"{'provider':18} {'library':38} {'on what we sign':17} ours on what it signs"
    )
    for provider, library, judged, signed in sorted(rows):
        terminalreporter.write_line(f"{provider:18} {library:38} {judged:17} {signed}")
