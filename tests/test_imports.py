"""
Imports go one way: the core knows nothing of the network, the clock or a database, and the rooms do not
look into each other (docs/design.md).

What may be imported is written below as data; the files are read, not run.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: Frameworks, clients, databases and what runs programs: at the edge only.
NETWORK = (
    "fastapi",
    "starlette",
    "uvicorn",
    "uvloop",
    "httpx",
    "pyreqwest",
    "socket",
    "ssl",
    "http",
    "urllib.request",
)
STORES = ("sqlite3", "sqlalchemy", "alembic", "psycopg", "fcntl")
SURROUNDINGS = (
    "time",
    "os",
    "random",
    "secrets",
    "subprocess",
    "threading",
    "asyncio",
    "structlog",
    "logging",
)
IMPURE = (
    *NETWORK,
    *STORES,
    *SURROUNDINGS,
    "pathlib",
    "tempfile",
    "shutil",
    "typer",
    "pydantic_settings",
    "restate",
)

#: Pure: bytes and `now` come in, a value goes out.
CORE = (
    *("gateway.errors", "gateway.secret", "gateway.delivery", "gateway.outcome", "gateway.strict_json"),
    *(
        "gateway.tokens",
        "gateway.ids",
        "gateway.keyring",
        "gateway.keytext",
        "gateway.targets",
        "gateway.rules",
        "gateway.decide",
    ),
    "gateway.envelope",
    "gateway.clocks",
    "gateway.invocations",
    "gateway.rates",
    "gateway.advice",
    "gateway.probes",
)
#: What the providers build on.
PROVIDERS_BASE = (
    "gateway.delivery",
    "gateway.errors",
    "gateway.outcome",
    "gateway.secret",
    "gateway.strict_json",
)


@dataclass(frozen=True)
class Rule:
    """
    For the modules that fit `modules`: `forbidden` names what they must not import, at any depth, and
    `ours`, where it is given, the only modules of this project that they may.
    """

    modules: tuple[str, ...]
    forbidden: tuple[str, ...] = ()
    ours: tuple[str, ...] | None = None


RULES = {
    "the core is pure": Rule(CORE, IMPURE, CORE),
    "providers are pure and know the core only": Rule(
        ("gateway.providers", "gateway.providers.*"),
        IMPURE,
        (*PROVIDERS_BASE, "gateway.providers", "gateway.providers.*"),
    ),
    "the client knows neither the server nor its core": Rule(
        ("gateway.client", "gateway.client.*"),
        ("fastapi", "starlette", "uvicorn", "pyreqwest", "structlog", *STORES),
        # A token that does not show itself: standard library only.
        ("gateway", "gateway.client", "gateway.client.*", "gateway.secret"),
    ),
    "the ledger knows no HTTP and none of the apps": Rule(
        ("gateway.ledger", "gateway.ledger.*"),
        ("fastapi", "starlette", "uvicorn", "httpx", "pyreqwest"),
        (
            *CORE,
            *("gateway.ledger", "gateway.ledger.*"),
            # The courier takes what is owed to Restate.
            *("gateway.restate", "gateway.ingress", "gateway.log", "gateway.deadline"),
            # Where it can be made to fail on purpose.
            "gateway.failpoints",
            # How long it keeps what.
            *("gateway.settings", "gateway.settings.*"),
        ),
    ),
    "the way out knows no app and no ledger": Rule(
        ("gateway.restate", "gateway.ingress"),
        ("fastapi", "starlette", "httpx", *STORES),
        (*CORE, "gateway.ingress", "gateway.deadline"),
    ),
    "HTTP knows no webhooks, and a framework only where it is an adapter for one": Rule(
        ("gateway.http", "gateway.http.*"),
        ("fastapi", "httpx", "pyreqwest", *STORES),
        (*CORE, "gateway.deadline", "gateway.problem", "gateway.http", "gateway.http.*"),
    ),
    "Restate is asked through the questions, which load what asks when the first one is asked": Rule(
        ("gateway.admin", "gateway.status", "gateway.reach", "gateway.watcher"),
        ("httpx", "pyreqwest", "fastapi", "starlette"),
    ),
    "settings and sources know neither apps nor ledger": Rule(
        (
            *(
                "gateway.settings",
                "gateway.settings.*",
                "gateway.sources",
                "gateway.keyfile",
                "gateway.log",
                "gateway.given",
            ),
            *("gateway.clients", "gateway.filewatch", "gateway.sourcewatch", "gateway.secretwatch"),
        ),
        (*NETWORK, *STORES),
        (
            *(*CORE, "gateway", "gateway.providers", "gateway.providers.*"),
            *("gateway.settings", "gateway.settings.*"),
            *("gateway.sources", "gateway.filewatch", "gateway.given"),
        ),
    ),
    "the public app knows neither a framework, nor the internal one, nor the database": Rule(
        ("gateway.public", "gateway.public.*"),
        (
            "fastapi",
            "starlette",
            "uvicorn",
            "httpx",
            "pyreqwest",
            *STORES,
            "gateway.internal",
            "gateway.cli",
            "gateway.app",
            "gateway.client",
        ),
    ),
    "the internal app knows no HTTP client and no database": Rule(
        ("gateway.internal", "gateway.internal.*"),
        ("httpx", "pyreqwest", *STORES, "gateway.cli", "gateway.app", "gateway.client"),
    ),
    "whoever stands in for a provider knows neither apps nor ledger nor the command line": Rule(
        ("gateway.sending", "gateway.sending.*"),
        ("fastapi", "starlette", "pyreqwest", "typer", *STORES),
        (
            *(*PROVIDERS_BASE, "gateway.providers", "gateway.providers.*", "gateway.rules"),
            *("gateway.samples", "gateway.sending", "gateway.sending.*"),
        ),
    ),
    "nothing of the gateway knows its test kit": Rule(
        # All but gateway.testing and gateway.pytest_plugin.
        ("gateway", "gateway.[!pt]*", "gateway.p[!y]*", "gateway.t[!e]*"),
        ("gateway.testing", "gateway.pytest_plugin", "pytest"),
    ),
    "the test kit knows neither the command line nor the test framework": Rule(
        ("gateway.testing", "gateway.testing.*"),
        ("gateway.cli", "gateway.pytest_plugin", "pytest", "typer"),
    ),
    "only the client and the services know Restate's SDK": Rule(
        ("gateway", "gateway.[!c]*", "gateway.cli", "gateway.cli.*"),
        ("restate",),
    ),
    "the services know the client only": Rule(
        ("services", "services.*"),
        ("fastapi", "starlette", "uvicorn"),
        ("services", "services.*", "gateway.client", "gateway.client.*"),
    ),
    "the gateway knows nothing of what is around it": Rule(
        ("gateway", "gateway.*"),
        (
            "tests",
            "stack",
            "simulator",
            "demo",
            "services",
            "bench",
            "standardwebhooks",
            "stripe",
            "requests",
        ),
    ),
}

#: The one way to read the clock in the core: none. `datetime` is there for its types.
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}


def modules() -> dict[str, ast.Module]:
    """The syntax trees of our modules by their names."""
    found = {}
    for package in ("gateway", "services"):
        for file in sorted((ROOT / package).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(file.read_text(), str(file))
    return found


MODULES = modules()


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """
    What a module imports, wherever in it, with the line; `from a import b` is `a.b` where that is a
    module of ours. Imports for type checkers only count as well: they are knowledge.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            base = node.module or ""
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield (full if full in MODULES else base), node.lineno


def fits(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a module's name fits one of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def within(name: str, packages: tuple[str, ...]) -> bool:
    """Whether a module is one of some packages or in one of them."""
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def broken(rule: Rule, name: str, tree: ast.Module) -> list[str]:
    """What a module imports against a rule."""
    problems = []
    for imported, line in imports(tree):
        ours = imported.partition(".")[0] in ("gateway", "services")
        if within(imported, rule.forbidden):
            problems.append(f"{name}, line {line}: imports {imported}")
        elif ours and rule.ours is not None and not fits(imported, rule.ours):
            problems.append(f"{name}, line {line}: imports {imported}, which is not one of its own")
    return problems


@pytest.mark.parametrize("name", RULES)
def test_imports_go_one_way(name: str) -> None:
    rule = RULES[name]
    judged = [module for module in MODULES if fits(module, rule.modules)]
    assert judged, "the rule is about no module"
    problems = [problem for module in judged for problem in broken(rule, module, MODULES[module])]
    assert problems == []


@pytest.mark.parametrize("name", CORE)
def test_the_core_reads_no_clock(name: str) -> None:
    called = {
        (node.value.id, node.attr)
        for node in ast.walk(MODULES[name])
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert called & CLOCKS == set()


def test_every_module_of_the_core_is_there() -> None:
    assert set(CORE) <= set(MODULES)


def test_there_is_no_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
    assert [name for name in MODULES if name.rpartition(".")[2] in drawers] == []


def test_no_rooms_import_each_other_in_a_circle() -> None:
    # What a function imports when it is called closes no circle.
    outermost = {name: ast.Module([*tree.body], []) for name, tree in MODULES.items()}
    for tree in outermost.values():
        tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    graph = {
        name: {imported for imported, _ in imports(tree) if imported in MODULES and imported != name}
        for name, tree in outermost.items()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for imported in graph[name]:
                visit(imported, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import httpx", "imports httpx"),
        ("from os import environ", "imports os"),
        ("def f():\n    import sqlite3", "imports sqlite3"),
        ("from gateway import settings", "imports gateway.settings, which"),
        ("from gateway.ledger.records import Owed", "imports gateway.ledger.records, which"),
        ("import urllib.request", "imports urllib.request"),
    ],
)
def test_the_rules_find_what_breaks_them(source: str, problem: str) -> None:
    (found,) = broken(RULES["the core is pure"], "gateway.tokens", ast.parse(source))
    assert problem in found


def test_what_the_rules_forbid_by_name_exists() -> None:
    # A name with a typing error would forbid nothing.
    known = set(sys.stdlib_module_names)
    installed = {path.name.partition(".")[0] for path in Path(pytest.__file__).parent.parent.iterdir()}
    elsewhere = {"psycopg", "requests", "bench", "demo", "gateway", "tests", "stack", "simulator", "services"}
    for rule in RULES.values():
        assert {name.partition(".")[0] for name in rule.forbidden} <= known | installed | elsewhere
