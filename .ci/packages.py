"""What the product is made of, from the locked runtime requirements.

python .ci/packages.py licences   a line a package (pip-licenses); fails where one is not a known licence
python .ci/packages.py sbom       a CycloneDX document on standard output (cyclonedx-py, and those licences)
python .ci/packages.py audit      known vulnerabilities; exit 1: found some, exit 2: could not be asked
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKED = ROOT / "requirements" / "runtime.txt"
AUDITOR = "pip-audit==2.10.1"  # in its own environment: not part of the product
KNOWN = "0BSD;Apache;BSD;HPND;ISC;LGPL;MIT;MPL;PSF;Python Software Foundation;Unlicense"


def run(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of this environment."""
    command = [str(Path(sys.executable).with_name(tool)), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def names() -> list[str]:
    """Return the names of the locked packages."""
    return re.findall(r"^([A-Za-z0-9._-]+)==", LOCKED.read_text(encoding="utf-8"), re.MULTILINE)


def licences() -> int:
    """Print one line for each package that this platform needs."""
    told = run("pip-licenses", "--partial-match", "--allow-only", KNOWN, "--packages", *names())
    print(told.stdout or told.stderr, end="")
    return told.returncode


def sbom() -> int:
    """Print the document. It holds no time and no random number: the same lock gives the same document."""
    print(json.dumps(document(), indent=2, ensure_ascii=False))
    return 0


def document() -> dict[str, Any]:
    """Return the CycloneDX document: from the lock, with what installed packages say of their licences."""
    told = json.loads(run("pip-licenses", "--format", "json", "--packages", *names()).stdout)
    licence = {re.sub(r"[-_.]+", "-", one["Name"]).lower(): one["License"] for one in told}
    project = ("--pyproject", str(ROOT / "pyproject.toml"))
    made = run("cyclonedx-py", "requirements", *project, "--output-reproducible", str(LOCKED))
    content: dict[str, Any] = json.loads(made.stdout)
    for one in content["components"]:
        if one["name"] in licence:
            one["licenses"] = [{"license": {"name": licence[one["name"]]}}]
    return content


def audit() -> int:
    """Ask the package index for known vulnerabilities of what is locked."""
    wanted = ("--requirement", str(LOCKED), "--require-hashes", "--disable-pip")
    asked = run("uvx", "--quiet", AUDITOR, *wanted, "--progress-spinner", "off", "--format", "json")
    code, words = verdict(asked.stdout)
    print(words, file=sys.stderr if code else sys.stdout)
    return code


def verdict(output: str) -> tuple[int, str]:
    """Return the exit code and the words for the auditor's output; what it could not ask about is no pass."""
    try:
        dependencies = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        return (
            2,
            "Not audited: the auditor or the package index could not be reached. Try again with a network.",
        )
    unknown = [one["name"] for one in dependencies if "skip_reason" in one]
    found = [
        f"{one['name']} {one['version']}: {flaw['id']}, fixed in {flaw['fix_versions'] or 'no version'}"
        for one in dependencies
        for flaw in one.get("vulns", [])
    ]
    if found:
        return 1, "\n".join(found)
    if unknown or not dependencies:
        return 2, f"Not audited: the package index knows nothing of {', '.join(unknown) or 'anything'}."
    return 0, f"No known vulnerabilities in {len(dependencies)} packages."


if __name__ == "__main__":
    commands = {"licences": licences, "sbom": sbom, "audit": audit}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    sys.exit(commands[sys.argv[1]]())
