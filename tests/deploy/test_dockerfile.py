"""The image runs as nobody special, as process 1, and is built from what is locked."""

from __future__ import annotations

import json
import re
import tomllib

from stack.part import ROOT

LINES = [
    line
    for line in (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]
#: The lines of each stage, by its name.
STAGES = {
    stage.split("\n")[0].split()[-1]: stage.split("\n")[1:]
    for stage in "\n".join(LINES).split("FROM ")
    if stage
}


def test_it_does_not_run_as_root() -> None:
    assert [line for line in LINES if line.startswith("USER")] == ["USER 10001"]
    assert "USER 10001" in STAGES["base"]
    assert {line.split()[1] for line in LINES if line.endswith((" AS services", " AS gateway"))} == {"base"}


def test_each_target_is_started_in_exec_form_and_has_a_health_check() -> None:
    for name in ("services", "gateway"):
        (command,) = (line for line in STAGES[name] if line.startswith("CMD"))
        assert json.loads(command.removeprefix("CMD "))[:3] == ["python", "-m", name]
        (check,) = (line for line in STAGES[name] if line.startswith("HEALTHCHECK"))
        assert json.loads(check[check.index("[") :])[0] == "python"


def test_what_is_copied_exists_and_reaches_the_build() -> None:
    allowed = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().split()
        if line.startswith("!")
    }
    for line in LINES:
        if line.startswith("COPY") and "--from" not in line:
            *sources, _ = line.split()[1:]
            assert set(sources) <= allowed
            assert all((ROOT / source).exists() for source in sources)


def test_it_installs_with_the_uv_of_the_lock_and_what_the_project_declares() -> None:
    locked = {package["name"]: package["version"] for package in tomllib.loads(lock())["package"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    text = "\n".join(LINES)
    assert f"uv=={locked['uv']}" in text
    assert set(re.findall(r"--extra (\S+)", text)) <= set(project["project"]["optional-dependencies"])
    assert set(re.findall(r"--group (\S+)", text)) <= set(project["dependency-groups"])
    assert text.count("uv sync --frozen") == text.count("uv sync") == 2


def lock() -> str:
    return (ROOT / "uv.lock").read_text()
