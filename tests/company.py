"""The sign-in sources of a company: an LDAP directory (Debian's slapd) and an OpenID provider.

Both are real servers in processes of their own, on ports of their own, with data that goes with the test.
"""

import contextlib
import html
import re
import shutil
import signal
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import requests

from tests.waiting import LIMIT, wait_until

SLAPD = shutil.which("slapd", path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/libexec")
BASE = "dc=example,dc=com"
READER, READER_PASSWORD = f"cn=reader,{BASE}", "reads-people"
ROOT, ROOT_PASSWORD = f"cn=root,{BASE}", "writes-people"
PEOPLE_PASSWORD = "mat-khau-cua-cong-ty"

_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {data}/slapd.pid
TLSCertificateFile {data}/cert.pem
TLSCertificateKeyFile {data}/key.pem
database mdb
suffix "{base}"
rootdn "{root}"
rootpw {root_password}
directory {data}/db
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""
_PERSON = """
dn: uid={uid},ou=people,{base}
objectClass: inetOrgPerson
uid: {uid}
cn: {first} {last}
givenName: {first}
sn: {last}
mail: {uid}@example.com
employeeType: {kind}
userPassword: {password}
"""
_GROUP = """
dn: cn={name},ou=groups,{base}
objectClass: groupOfNames
cn: {name}
{members}
"""
PEOPLE = {
    "lan": ("Lan", "Tran"),
    "minh": ("Minh", "Le"),
    "quan": ("Quan", "Vo"),
    "khach": ("Khach", "Moi"),
    "nghi": ("Nghi", "Viec"),
}
GROUPS = {
    "support": ["uid=lan,ou=people", "uid=nghi,ou=people"],
    "leads": ["uid=minh,ou=people"],
    "it": ["uid=quan,ou=people"],
    "operations": ["cn=it,ou=groups"],  # a group within a group
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server(ABC):
    """A process that listens on a port and can be stopped and restarted."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.start()

    @property
    @abstractmethod
    def command(self) -> list[str]:
        """The command that starts it."""

    def start(self) -> None:
        with (self.data / "log").open("a") as log:
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log, start_new_session=True)
        wait_until(self._listens, (self.data / "log").read_text)

    def _listens(self) -> bool:
        assert self._process.poll() is None, (self.data / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(LIMIT)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Within the block, connections are accepted and never answered."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Within the block, nothing listens on the port."""
        self.stop()
        try:
            yield
        finally:
            self.start()


class Directory(Server):
    """slapd with five people and four groups. Reading needs the reader's password."""

    def __init__(self, data: Path) -> None:
        (data / "db").mkdir()
        self._make_certificate(data)
        (data / "slapd.conf").write_text(
            _CONFIGURATION.format(data=data, base=BASE, root=ROOT, root_password=ROOT_PASSWORD, reader=READER)
        )
        (data / "people.ldif").write_text(_entries())
        subprocess.run(
            [str(SLAPD), "-T", "add", "-f", f"{data}/slapd.conf", "-l", f"{data}/people.ldif"],
            check=True,
            capture_output=True,
        )
        self.tls_port = free_port()
        super().__init__(data)

    @staticmethod
    def _make_certificate(data: Path) -> None:
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
                *("-keyout", f"{data}/key.pem", "-out", f"{data}/cert.pem"),
                *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            ],
            check=True,
            capture_output=True,
        )

    @property
    def command(self) -> list[str]:
        addresses = f"{self.url} ldaps://127.0.0.1:{self.tls_port}"
        return [str(SLAPD), "-d", "0", "-f", f"{self.data}/slapd.conf", "-h", addresses]

    @property
    def url(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a product that uses this directory."""
        return {
            "LDAP_URL": self.url,
            "LDAP_BIND_DN": READER,
            "LDAP_BIND_PASSWORD": READER_PASSWORD,
            "LDAP_USER_BASE": f"ou=people,{BASE}",
            "LDAP_USER_FILTER": "(&(uid=%(user)s)(!(employeeType=former)))",
            "LDAP_GROUP_BASE": f"ou=groups,{BASE}",
            **ROLES,
        }

    def modify(self, ldif: str) -> None:
        """Change entries, as the company's administrators would."""
        subprocess.run(
            ["ldapmodify", "-x", "-H", self.url, "-D", ROOT, "-w", ROOT_PASSWORD],
            input=ldif,
            text=True,
            check=True,
            capture_output=True,
        )

    def set_members(self, group: str, *uids: str) -> None:
        members = "\n".join(f"member: uid={uid},ou=people,{BASE}" for uid in uids)
        dn = f"cn={group},ou=groups,{BASE}"
        self.modify(f"dn: {dn}\nchangetype: modify\nreplace: member\n{members}\n")

    def rename(self, uid: str, to: str) -> None:
        dn = f"uid={uid},ou=people,{BASE}"
        self.modify(f"dn: {dn}\nchangetype: modrdn\nnewrdn: uid={to}\ndeleteoldrdn: 1\n")

    def set_kind(self, uid: str, kind: str) -> None:
        dn = f"uid={uid},ou=people,{BASE}"
        self.modify(f"dn: {dn}\nchangetype: modify\nreplace: employeeType\nemployeeType: {kind}\n")


def _entries() -> str:
    units = "".join(
        f"\ndn: ou={name},{BASE}\nobjectClass: organizationalUnit\nou: {name}\n"
        for name in ("people", "groups")
    )
    people = "".join(
        _PERSON.format(
            uid=uid, first=first, last=last, base=BASE, password=PEOPLE_PASSWORD,
            kind="former" if uid == "nghi" else "current",
        )
        for uid, (first, last) in PEOPLE.items()
    )  # fmt: skip
    groups = "".join(
        _GROUP.format(name=name, base=BASE, members="\n".join(f"member: {one},{BASE}" for one in members))
        for name, members in GROUPS.items()
    )
    return (
        f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n"
        f"\ndn: {READER}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n"
        f"cn: reader\nuserPassword: {READER_PASSWORD}\n{units}{people}{groups}"
    )


ROLES = {"STAFF_GROUPS": "support", "LEAD_GROUPS": "leads", "ADMINISTRATOR_GROUPS": "operations,admins"}


class Provider(Server):
    """An OpenID provider that believes every user: its form asks only for the subject."""

    @property
    def command(self) -> list[str]:
        module = [sys.executable, "-m", "oidc_provider_mock"]
        return [*module, "--port", str(self.port), "--host", "127.0.0.1", "--require-nonce"]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a product that uses this provider."""
        return {
            "OIDC_ISSUER": self.url,
            "OIDC_NAME": "Example",
            "OIDC_CLIENT_ID": "ticketadmin",
            "OIDC_CLIENT_SECRET": "known-to-both",
            **ROLES,
        }

    def knows(self, subject: str, **claims: object) -> None:
        """Create or change a user of the provider."""
        requests.put(f"{self.url}/users/{subject}", json=claims, timeout=LIMIT).raise_for_status()


class SignInVisitor:
    """A visitor of the product without a session, who goes to the provider and back."""

    def __init__(self, product: str) -> None:
        self.product = product
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, address: str, *, follow: bool = True) -> requests.Response:
        address = address if address.startswith("http") else self.product + address
        return self.session.get(address, timeout=30, allow_redirects=follow)

    def post(self, path: str, **data: str) -> requests.Response:
        """Post a form of the product with its token, and follow."""
        page = self.get(path).text
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert found, page
        data["csrfmiddlewaretoken"] = found[1]
        return self.session.post(self.product + path, data, timeout=30)

    def begin(self, next_page: str = "") -> str:
        """Press the button; returns the address of the provider."""
        asked = f"/sign-in/openid/?next={next_page}" if next_page else "/sign-in/openid/"
        found = re.search(r'href="([^"]+)"\s+id="provider"', self.post(asked).text)
        assert found
        return html.unescape(found[1])

    def agree(self, address: str, subject: str, action: str = "") -> str:
        """Sign in at the provider as this subject; returns the address of the callback."""
        data = {"action": action} if action else {"sub": subject}
        answer = requests.post(address, data, timeout=30, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def sign_in(self, subject: str, next_page: str = "") -> requests.Response:
        """Sign in from beginning to end; returns the last page."""
        return self.get(self.agree(self.begin(next_page), subject))

    @property
    def person(self) -> int | None:
        """The id of the user who is signed in, as the product says."""
        number: int | None = self.get("/session/").json()["person"]
        return number

    def close(self) -> None:
        self.session.close()
