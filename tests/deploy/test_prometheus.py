"""Alert rules and dashboard: judged by promtool, and asking for nothing that the gateway does not count."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.part import ROOT
from stack.promtool import promtool

PROMETHEUS = ROOT / "deploy" / "prometheus"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_text())
RULES = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"][0]["rules"]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
#: Grafana fills these in.
_FILLED_IN = {"$__rate_interval": "5m", "$instance": ".*", "$source": ".*"}


@pytest.fixture(scope="module")
def program() -> Path:
    """Prometheus' own judge."""
    return promtool()


def judge(program: Path, *arguments: str) -> str:
    done = subprocess.run([program, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_and_the_configuration_are_ones_that_prometheus_takes(program: Path) -> None:
    assert f"{len(RULES)} rules found" in judge(program, "check", "rules", "alerts.yml")
    judge(program, "check", "config", "prometheus.yml")


def test_every_alert_fires_for_what_it_is_about_and_a_quiet_gateway_raises_none(program: Path) -> None:
    assert "SUCCESS" in judge(program, "test", "rules", "alerts.test.yml")
    tried = yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text())["tests"][1]["promql_expr_test"][0]
    fired = {re.findall(r'"(\w+)"', sample["labels"])[0] for sample in tried["exp_samples"]}
    assert fired == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["action"]


def test_the_dashboard_s_expressions_are_ones_that_prometheus_takes(program: Path, tmp_path: Path) -> None:
    rules = []
    for number, expression in enumerate(EXPRESSIONS):
        for name, value in _FILLED_IN.items():
            expression = expression.replace(name, value)
        rules.append({"record": f"panel:{number}", "expr": expression})
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    assert f"{len(rules)} rules found" in judge(program, "check", "rules", str(file))


def test_every_metric_that_is_asked_for_is_one_that_the_gateway_has() -> None:
    # This page lists all that there are: a test beside the metrics sees to that.
    page = ROOT / "docs" / "operations" / "metrics-logs-traces-health.md"
    told = set(re.findall(r"`(gateway_\w+)[{`]", page.read_text()))
    asked = {
        re.sub(r"_bucket$", "", name)
        for expression in [*EXPRESSIONS, *(rule["expr"] for rule in RULES)]
        for name in re.findall(r"gateway_\w+", expression)
    }
    assert asked <= told, asked - told


def test_the_dashboard_s_panels_have_ids_and_places_of_their_own() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    covered: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & covered, panel["title"]
        assert place["x"] + place["w"] <= 24
        covered |= cells
