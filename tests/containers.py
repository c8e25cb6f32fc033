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
from tests.packaging import ROOT, built_wheel

SUITE = "bookworm"
# What deploy/Containerfile needs of its base; each further package costs the build a quarter of a second.
INCLUDED = "passwd,postgresql-client,python3,python3-venv,tzdata"
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")


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
        ]
        self._store.append(self._driver())

    def _driver(self) -> str:
        """Return how images are stored: as layers where the file system can, else every one a whole copy.

        Four copies of the base image took a third of the processor time of building the product's.
        """
        tried = ["buildah", *self._store, "overlay", "info"]
        done = subprocess.run(tried, capture_output=True, check=False, cwd=self.folder)
        if done.returncode == 0:
            return "overlay"
        for name in ("store", "run"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        return "vfs"

    def buildah(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = ["buildah", *self._store, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def unmount(self) -> None:
        """Delete all containers and leave nothing mounted; the files go with the folder of the test run."""
        self.buildah("rm", "--all", check=False)
        subprocess.run(["umount", str(self.folder / "store" / "overlay")], capture_output=True, check=False)

    def make_base(self, name: str) -> None:
        """Make a base image of Debian packages."""
        empty = self.buildah("from", "scratch").stdout.strip()
        mounted = self.buildah("mount", empty).stdout.strip()
        options = [f"--include={INCLUDED}", *(f"--dpkgopt=path-exclude={each}" for each in LEFT_OUT)]
        command = ["mmdebstrap", "--quiet", "--variant=essential", *options, SUITE, mounted]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        self.buildah("commit", "--rm", empty, name)

    def make_product(self, name: str, base: str) -> None:
        """Build deploy/Containerfile as `make image` does, from wheels at hand instead of a package index."""
        context = self.folder / "context"
        (context / "requirements").mkdir(parents=True)
        shutil.copy(ROOT / "requirements" / "image.txt", context / "requirements")
        (context / "dist").mkdir()
        shutil.copy(built_wheel(), context / "dist")
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
