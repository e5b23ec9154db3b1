"""The plot: callbacks a second against connections, one line a way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.measure import Measured


def plot(medians: Mapping[tuple[str, int], Measured], file: Path) -> None:
    """Draw a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5), dpi=120)
    for way in dict.fromkeys(way for way, _ in medians):
        points = sorted((c, one.callbacks_per_second) for (name, c), one in medians.items() if name == way)
        axes.plot([c for c, _ in points], [rate for _, rate in points], marker="o", label=way)
    axes.set_xscale("log", base=2)
    connections = sorted({c for _, c in medians})
    axes.set_xticks(connections, [str(c) for c in connections])
    axes.set_xlabel("connections")
    axes.set_ylabel("callbacks a second")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(file)
    pyplot.close(figure)
