"""Debian's nginx with the configuration from deploy/, on loopback ports and a certificate of its own."""

import re
import socket
import subprocess
from pathlib import Path

from tests.waiting import LIMIT, wait_until

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path("/usr/sbin/nginx")


class Nginx:
    """One nginx before a server on `port`; `address` is https."""

    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir(exist_ok=True)
        self.certificate = folder / "cert.pem"
        self.port = _free_port()
        self.address = f"https://localhost:{self.port}"
        self.folder = folder
        self._make_certificate()
        (folder / "nginx.conf").write_text(self._configuration(port), encoding="utf-8")
        command = [str(PROGRAM), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        with (folder / "error.log").open("w") as log:
            self._process = subprocess.Popen(command, stderr=log)
        wait_until(self._listens, (folder / "error.log").read_text)

    def _make_certificate(self) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
        command += ["-subj", "/CN=localhost"]
        command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(self.folder / "key.pem")]
        subprocess.run([*command, "-out", str(self.certificate)], check=True, capture_output=True)

    def _configuration(self, port: int) -> str:
        """Return deploy/nginx.conf with this test's names, ports and shorter patience."""
        site = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
        for pattern, value in (
            (r"server unix:\S+", f"server 127.0.0.1:{port}"),
            (r"listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
            (r"listen 80", f"listen 127.0.0.1:{_free_port()}"),
            (r"tickets\.example\.com;", "localhost;"),
            (r"ssl_certificate     \S+;", f"ssl_certificate {self.certificate};"),
            (r"ssl_certificate_key \S+;", f"ssl_certificate_key {self.folder / 'key.pem'};"),
            (r"proxy_set_header Host \$host;", "proxy_set_header Host $http_host;"),
            (r"/opt/ticketadmin/deploy/", f"{ROOT / 'deploy'}/"),
            (r"client_body_timeout 20s", "client_body_timeout 1s"),
            (r"/var/log/nginx/ticketadmin\.log", f"{self.folder / 'access.log'}"),
        ):
            site, found = re.subn(pattern, value, site)
            assert found, pattern
        temporary = "".join(
            f"{kind}_temp_path {self.folder / kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        head = f"worker_processes 1;\npid {self.folder / 'pid'};\nerror_log stderr;\nevents {{}}\n"
        usual = "access_log off;\ninclude /etc/nginx/mime.types;\n"
        return f"{head}http {{\n{usual}{temporary}{site}\n}}\n"

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(LIMIT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
