"""What the product is made of: nothing unused, nothing whose licence or hash is not known."""

import importlib.util
import json
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import ModuleType

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


def test_everything_that_runs_is_locked_to_a_version_and_to_hashes(packages: ModuleType) -> None:
    locked = packages.locked()

    assert {"django", "nh3", "requests"} <= {one.name for one in locked}
    assert [one.name for one in locked if not one.hashes] == []


def test_every_licence_is_known(packages: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert packages.licences() == 0
    assert "django " in capsys.readouterr().out


def test_the_bill_of_materials_names_each_package_with_licence_and_hashes(packages: ModuleType) -> None:
    document = json.loads(json.dumps(packages.document()))

    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    assert [one["name"] for one in document["components"]] == [one.name for one in packages.locked()]
    [django] = [one for one in document["components"] if one["name"] == "django"]
    assert re.fullmatch(r"pkg:pypi/django@5\.2\.\d+", django["purl"])
    assert django["licenses"] == [{"license": {"name": "BSD-3-Clause"}}]
    assert django["properties"]


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
def test_an_audit_that_could_not_ask_is_no_pass(output: str, code: int, packages: ModuleType) -> None:
    assert packages.verdict(output)[0] == code
