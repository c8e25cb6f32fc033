"""What the product is made of, from the locked runtime requirements.

python .ci/packages.py licences   a line a package; fails where a licence is missing or not a known one
python .ci/packages.py sbom       a CycloneDX document on standard output
python .ci/packages.py audit      known vulnerabilities; exit 1: found some, exit 2: could not be asked
"""

import json
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKED = ROOT / "requirements" / "runtime.txt"
NOT_HERE = "not installed on this platform"
AUDITOR = "pip-audit==2.10.1"  # run apart, so that its own packages are none of ours
KNOWN = re.compile(r"\b(0BSD|Apache|BSD|ISC|LGPL|MIT|MPL|PSF|Python|HPND|Unlicense)\b", re.IGNORECASE)
_PACKAGE = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Package:
    """One locked package: its name, its version and the hashes of its files."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def address(self) -> str:
        """The package URL, as vulnerability databases write it."""
        return f"pkg:pypi/{self.name.lower().replace('_', '-')}@{self.version}"

    @property
    def licence(self) -> str:
        """What the package says of itself; empty where this platform does not need it."""
        try:
            said = metadata.metadata(self.name)
        except metadata.PackageNotFoundError:
            return ""
        classified = [one.rpartition(" :: ")[2] for one in said.get_all("Classifier", []) if "License" in one]
        short = (said.get("License") or "").strip()
        return (
            said.get("License-Expression")
            or " / ".join(classified)
            or short.split("\n")[0][:80]
            or "none said"
        )


def locked() -> list[Package]:
    """Return the locked packages in the order of their names."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", LOCKED.read_text(encoding="utf-8"))
    found = ((_PACKAGE.match(block), _HASH.findall(block)) for block in blocks)
    return [Package(match[1], match[2], tuple(hashes)) for match, hashes in found if match]


def licences() -> int:
    """Print a line a package."""
    packages = locked()
    doubtful = [one.name for one in packages if one.licence and not KNOWN.search(one.licence)]
    for one in packages:
        print(f"{one.name:28} {one.version:14} {one.licence or NOT_HERE}")
    if doubtful:
        print(f"Look at these by hand: {', '.join(doubtful)}", file=sys.stderr)
    return 1 if doubtful else 0


def sbom() -> int:
    """Print the document. It holds no time and no random number: the same lock gives the same document."""
    print(json.dumps(document(), indent=2))
    return 0


def document() -> dict[str, Any]:
    """Return the CycloneDX document (https://cyclonedx.org/docs/1.6/json/)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = {"type": "application", "name": project["name"], "version": project["version"]}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**own, "licenses": [{"license": {"id": project["license"]}}]}},
        "components": [_component(one) for one in locked()],
    }


def _component(one: Package) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": one.address,
        "name": one.name,
        "version": one.version,
        "purl": one.address,
        "licenses": [{"license": {"name": one.licence}}] if one.licence else [],
        # Of every file that may be installed: a source archive and one wheel a platform.
        "properties": [{"name": "ticketadmin:sha256", "value": value} for value in one.hashes],
    }


def audit() -> int:
    """Ask the package index for known vulnerabilities of what is locked."""
    uvx = Path(sys.executable).with_name("uvx")
    asked = subprocess.run(
        [
            *(
                str(uvx),
                "--quiet",
                AUDITOR,
                "--requirement",
                str(LOCKED),
                "--require-hashes",
                "--disable-pip",
            ),
            *("--progress-spinner", "off", "--format", "json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
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
