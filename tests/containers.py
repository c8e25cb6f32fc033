"""Images and containers without a registry and without a daemon: mmdebstrap makes the base, buildah the rest.

`--isolation chroot` needs no privileges beyond root's and shares the machine's network. It shows files, users
and commands as they are in the image; health checks, stop signals, limits and a read-only root are only read
from the files that set them (tests/test_deploy.py).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import skip_or_fail
from tests.packaging import ROOT, build

SUITE = "bookworm"
INCLUDED = "python3,python3-venv,postgresql-client"
USER = "10001:10001"


class Images:
    """A store of images of one test, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        for program in ("buildah", "mmdebstrap"):
            if os.geteuid() != 0 or not shutil.which(program):
                skip_or_fail(f"{program} (as root)", "REQUIRE_CONTAINERS")
        self.folder = folder
        self._store = [
            "--root",
            str(folder / "store"),
            "--runroot",
            str(folder / "run"),
            "--storage-driver",
            "vfs",
        ]

    def buildah(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = ["buildah", *self._store, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def make_base(self, name: str) -> None:
        """Make a base image of Debian packages."""
        archive = Path(os.environ.get("TEST_BASE_ARCHIVE", self.folder / "base.tar"))  # made earlier, or now
        if not archive.exists():
            command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={INCLUDED}", SUITE]
            done = subprocess.run([*command, str(archive)], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
        empty = self.buildah("from", "scratch").stdout.strip()
        self.buildah("add", empty, str(archive), "/")
        self.buildah("commit", "--rm", empty, name)

    def make_product(self, name: str, base: str) -> None:
        """Build deploy/Containerfile as `make image` does, from wheels at hand instead of a package index."""
        context = self.folder / "context"
        (context / "requirements").mkdir(parents=True)
        shutil.copy(ROOT / "requirements" / "image.txt", context / "requirements")
        build(ROOT, context / "dist", "--wheel")
        wheels = str(context / "dist" / "wheels")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes"]
        locked = str(ROOT / "requirements" / "image.txt")
        done = subprocess.run(
            [*pip, "--only-binary", ":all:", "-r", locked, "-d", wheels], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        options = ["--isolation", "chroot", "--format", "docker", "--build-arg", f"BASE={base}"]
        options += ["--build-arg", "PIP_NO_INDEX=1"]
        file = str(ROOT / "deploy" / "Containerfile")
        self.buildah("build", *options, "-f", file, "-t", name, str(context))

    def container(self, image: str) -> str:
        """Return a new container of an image: a copy of its files."""
        return self.buildah("from", "--pull-never", image).stdout.strip()

    def command(self, container: str, *command: str, volume: Path, **settings: str) -> list[str]:
        """Return the command that runs something in a container, as its image's user."""
        passed = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
        mounted = ["--volume", f"{volume}:/var/lib/ticketadmin"]
        run = ["run", "--isolation", "chroot", *mounted, *passed, container, "--"]
        return ["buildah", *self._store, *run, *command]
