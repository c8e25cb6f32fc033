"""Dependencies: none unused, none with an unknown licence or hash."""

import importlib.util
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def packages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("packages", ROOT / ".ci" / "packages.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["packages"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def document(packages: ModuleType) -> dict[str, Any]:
    made: dict[str, Any] = packages.document()
    return made


def test_every_runtime_requirement_is_used_at_run_time() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    sources = [
        *(ROOT / "ticketadmin").rglob("*.py"),
        ROOT / "gunicorn.conf.py",
        *(ROOT / "templates").rglob("*"),
    ]
    used = "\n".join(path.read_text("utf-8") for path in sources if path.is_file())
    modules: dict[str, set[str]] = {}
    for module, names in metadata.packages_distributions().items():
        for name in names:
            modules.setdefault(name.lower().replace("_", "-"), set()).add(module)
    wanted = [re.split(r"[><=~\[]", one)[0] for one in project["dependencies"]]

    unused = [one for one in wanted if not any(re.search(rf"\b{module}\b", used) for module in modules[one])]

    assert unused == []


def test_everything_that_runs_is_locked_to_a_version_and_to_hashes(document: dict[str, Any]) -> None:
    hashes = {
        one["name"]: [given for place in one["externalReferences"] for given in place["hashes"]]
        for one in document["components"]
    }

    assert {"django", "nh3", "requests"} <= hashes.keys()
    assert [name for name, given in hashes.items() if not given] == []
    assert {given["alg"] for each in hashes.values() for given in each} == {"SHA-256"}
    assert all(one["version"] for one in document["components"])


def test_every_licence_is_allowed(packages: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert packages.licences() == 0
    assert "Django " in capsys.readouterr().out


def test_an_unknown_licence_is_refused(
    packages: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "KNOWN", "ISC;MIT")

    assert packages.licences() == 1
    assert "not in allow-only" in capsys.readouterr().out


def test_the_bill_of_materials_names_each_package_with_its_licence(
    packages: ModuleType, document: dict[str, Any]
) -> None:
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert document["metadata"]["component"]["name"] == "ticketadmin"
    assert sorted(one["name"] for one in document["components"]) == sorted(packages.names())
    [django] = [one for one in document["components"] if one["name"] == "django"]
    assert re.fullmatch(r"pkg:pypi/django@5\.2\.\d+", django["purl"])
    assert django["licenses"] == [{"license": {"name": "BSD-3-Clause"}}]
    installed = {re.sub("[-_.]+", "-", one.name).lower() for one in metadata.distributions()}
    assert [
        one["name"] for one in document["components"] if one["name"] in installed and "licenses" not in one
    ] == []
    assert "serialNumber" not in document, "the same lock gives the same document"
    assert "timestamp" not in document["metadata"]


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}', 0),
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "X", "fix_versions": []}]}]}', 1),
        ('{"dependencies": [{"name": "a", "skip_reason": "not found"}]}', 2),
        ('{"dependencies": []}', 2),
        ("", 2),
    ],
)
def test_an_audit_without_an_index_does_not_pass(output: str, code: int, packages: ModuleType) -> None:
    assert packages.verdict(output)[0] == code
