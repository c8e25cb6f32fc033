"""Building the wheel and installing it where nothing of the checkout is seen."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.prepared import made_once

ROOT = Path(__file__).resolve().parent.parent
UV = str(Path(sys.executable).with_name("uv"))


def build(source: Path, target: Path, *arguments: str, umask: int = 0o022) -> Path:
    """Build a wheel of the sources as `make wheel` does, and return it."""
    command = [UV, "build", "--quiet", *arguments, "--out-dir", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, umask=umask)
    assert done.returncode == 0, done.stderr
    [wheel] = target.glob("*.whl")
    return wheel


def built_wheel() -> Path:
    """Return the wheel of this checkout, built once for the whole test run."""
    [wheel] = made_once("wheel", lambda folder: build(ROOT, folder, "--wheel")).glob("*.whl")
    return wheel


def copy_sources(target: Path) -> Path:
    """Copy what a build reads, as a checkout elsewhere has it."""
    for name in ("ticketadmin", "templates", "static", "locale", "deploy"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "gunicorn.conf.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, target / name)
    return target


def install(wheel: Path, target: Path, extras: str = "postgres,oidc") -> Path:
    """Install a wheel with extras into an empty environment and return its `ticketadmin`."""
    for command in (
        [UV, "venv", "--quiet", "--python", sys.executable, str(target)],
        [UV, "pip", "install", "--quiet", "--python", str(target), f"{wheel}[{extras}]"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return target / "bin" / "ticketadmin"


def bare_environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment that knows neither settings nor the checkout."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **more}
