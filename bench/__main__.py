"""
`python -m bench`: ours beside the straight way and the bridges by hand, interleaved in one run.

Prints a table and writes it, with all that was measured, to bench/results/latest.json and latest.png.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench.measure import Measured, World
from bench.plot import plot
from bench.ways import Bridge, Direct, Gateway, Spinning, Way
from stack.postgres import Postgres

RESULTS = Path(__file__).parent / "results"
#: With one connection there is less to learn from many.
_FEWER_AT_ONE = 5
Medians = Mapping[tuple[str, int], Measured]


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--callbacks", type=int, default=1000, help="in each measurement")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 32, 256])
    parser.add_argument(
        "--ways",
        nargs="+",
        default=["direct", "naive", "tuned", "sqlite", "postgresql"],
        help="postgresql-2 is the gateway with two workers, spin-100 a process between that takes 100 µs of "
        "CPU beside passing on, and so on (%(default)s)",
    )
    parser.add_argument("--waiters", type=int, default=1, help="processes of the waiting service")
    parser.add_argument("--keep-streams", action="store_true", help="let executions wait without suspending")
    parser.add_argument("--out", type=Path, default=RESULTS / "latest.json")
    chosen = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="gateway-bench-"))
    world = World(directory, waiters=chosen.waiters, suspend=not chosen.keep_streams)
    postgres = Postgres() if any(way.startswith("postgresql") for way in chosen.ways) else None
    found: defaultdict[tuple[str, int], list[Measured]] = defaultdict(list)
    ways: list[Way] = []
    try:
        world.start()
        if postgres:
            postgres.start()
        ways = [_way(name, directory, world, postgres) for name in chosen.ways]
        for way in ways:
            if way.part:
                way.part.start()
                way.part.wait_ready()
            world.measure(way, 100, 8)  # warm
        for turn in range(chosen.rounds):
            for concurrency in chosen.concurrency:
                # In another order each time: what one leaves behind falls on another.
                for way in ways[turn % len(ways) :] + ways[: turn % len(ways)]:
                    count = chosen.callbacks // (_FEWER_AT_ONE if concurrency == 1 else 1)
                    one = world.measure(way, count, concurrency)
                    found[way.name, concurrency].append(one)
                    print(
                        f"round {turn + 1} of {chosen.rounds}, {concurrency:>3} connections, "
                        f"{way.name:<10} {one.callbacks_per_second:6.0f} callbacks/s, "
                        f"{one.finished_per_second:6.0f} finished/s, {one.between_cpu_ms:.3f} ms of CPU"
                        + (f", {one.repeated:.0f} answered 503 and sent again" if one.repeated else ""),
                        flush=True,
                    )
    finally:
        for way in ways:
            if way.part:
                way.part.stop()
        world.stop()
        if postgres:
            postgres.stop()
    medians = {key: _median(all_of_it) for key, all_of_it in found.items()}
    print("\n" + table(medians))
    chosen.out.parent.mkdir(exist_ok=True)
    chosen.out.write_text(json.dumps(_document(medians, chosen.rounds, chosen.callbacks), indent=2) + "\n")
    plot(medians, chosen.out.with_suffix(".png"))
    print(f"\nwritten: {chosen.out} and {chosen.out.with_suffix('.png').name}")


def _way(name: str, directory: Path, world: World, postgres: Postgres | None) -> Way:
    ingress = world.restate.ingress_url
    if name == "direct":
        return Direct(ingress)
    if name in ("naive", "tuned"):
        return Bridge(name, directory, ingress)
    kind, _, number = name.partition("-")
    if kind == "spin":
        return Spinning(name, directory, ingress, number)
    if kind == "postgresql":
        assert postgres
        url = postgres.url(postgres.new_database())
        return Gateway(name, directory, ingress, url, workers=int(number or 1))
    return Gateway(name, directory, ingress)


def _median(all_of_it: Sequence[Measured]) -> Measured:
    names = [field.name for field in fields(Measured)]
    return Measured(**{name: median(getattr(one, name) for one in all_of_it) for name in names})


def ratio(medians: Medians, way: str, to: str, concurrency: int, of: str) -> float | None:
    """How much of one way's figure another way has."""
    one, other = medians.get((way, concurrency)), medians.get((to, concurrency))
    return getattr(one, of) / getattr(other, of) if one and other else None


def table(medians: Medians) -> str:
    """The table, as Markdown."""
    lines = [
        "| connections | way | callbacks/s | of direct | of naive | finished/s | of direct | p50 ms | p99 ms "
        "| p99.9 ms | CPU ms between | CPU ms Restate | peak MB | load's share of a core |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (way, concurrency), one in sorted(medians.items(), key=lambda item: item[0][1]):
        shares = [
            ratio(medians, way, "direct", concurrency, "callbacks_per_second"),
            ratio(medians, way, "naive", concurrency, "callbacks_per_second"),
            ratio(medians, way, "direct", concurrency, "finished_per_second"),
        ]
        of_direct, of_naive, finished = (f"{share:.2f}" if share else "" for share in shares)
        lines.append(
            f"| {concurrency} | {way} | {one.callbacks_per_second:.0f} | {of_direct} | {of_naive} "
            f"| {one.finished_per_second:.0f} | {finished} | {one.p50_ms:.1f} | {one.p99_ms:.1f} "
            f"| {one.p999_ms:.1f} | {one.between_cpu_ms:.3f} | {one.restate_cpu_ms:.3f} "
            f"| {one.between_peak_mb:.0f} | {one.load_share:.2f} |"
        )
    return "\n".join(lines)


def _document(medians: Medians, rounds: int, callbacks: int) -> dict[str, object]:
    at = 32
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "rounds": rounds,
        "callbacks": callbacks,
        "ratio_to_direct": ratio(medians, "sqlite", "direct", at, "callbacks_per_second"),
        "ratio_to_naive": ratio(medians, "sqlite", "naive", at, "callbacks_per_second"),
        "ratio_to_tuned": ratio(medians, "sqlite", "tuned", at, "callbacks_per_second"),
        "finished_ratio_to_direct": ratio(medians, "sqlite", "direct", at, "finished_per_second"),
        "medians": [
            {"way": way, "connections": concurrency, **asdict(one)}
            for (way, concurrency), one in medians.items()
        ],
        "table": table(medians).splitlines(),
    }


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    return f"{platform.machine()}, {cores} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
