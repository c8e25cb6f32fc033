"""A PostgreSQL server of a test's own, from Debian's programs, that can be stopped and started again."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path


def programs() -> Path | None:
    """Return the folder with the newest server's programs, if there is one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return found[-1] if found else None


class PostgresProcess:
    """One server on loopback. As root it runs as the user postgres, as the server demands."""

    def __init__(self, folder: Path) -> None:
        self.bin = programs()
        assert self.bin
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a socket's path must be short, and postgres' own
        self._prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._prefix:
            shutil.chown(self.folder, "postgres")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._run("initdb", "-D", str(self.folder / "db"), "-U", "ticketadmin", "--auth=trust")
        self.start()

    @property
    def url(self) -> str:
        return f"postgres://ticketadmin@127.0.0.1:{self.port}/postgres"

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._prefix, str(self.bin / program), *arguments]  # type: ignore[operator]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off"
        options += f" -c unix_socket_directories={self.folder}"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.folder / "db"), "-l", log, "-w", "-o", options, "start")

    def stop(self) -> None:
        """End it as a crash would: connections break at once."""
        self._run("pg_ctl", "-D", str(self.folder / "db"), "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
