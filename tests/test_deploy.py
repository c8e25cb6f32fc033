"""What the compose file and the Containerfile promise, read where it cannot be run without a daemon."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "web", "worker")
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
# Where the proxy of the compose file differs from the one of systemd.
IN_CONTAINERS = {
    "unix:/run/ticketadmin/web.sock": "web:8000",
    "/etc/ssl/tickets.example.com.pem": "/run/secrets/certificate",
    "/etc/ssl/private/tickets.example.com.key": "/run/secrets/certificate_key",
    "/opt/ticketadmin/deploy/problems/": "/etc/nginx/problems/",
    "/var/log/nginx/ticketadmin.log": "/dev/stdout",
}


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_may_write_its_files_or_gain_rights(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert name == "database" or service["cap_drop"] == ["ALL"]  # its start changes to the user postgres


@pytest.mark.parametrize("name", OURS)
def test_our_services_run_as_the_images_user(name: str) -> None:
    [user] = re.findall(r"^USER (\S+)$", CONTAINERFILE, re.MULTILINE)

    assert SERVICES[name]["user"] == user == "10001:10001"
    assert SERVICES[name]["command"][0] == name


def test_secrets_are_files_and_never_values() -> None:
    for name, service in SERVICES.items():
        mounted = {f"/run/secrets/{secret}" for secret in service.get("secrets", [])}
        for variable, value in service.get("environment", {}).items():
            if re.search(r"KEY|PASSWORD|SECRET|TOKEN", variable):
                assert variable.endswith("_FILE"), (name, variable)
                assert value in mounted, (name, variable)
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    assert {Path(one["file"]).parent.as_posix() for one in COMPOSE["secrets"].values()} == {"secrets"}


def test_tables_are_migrated_once_before_anything_starts() -> None:
    assert SERVICES["migrate"]["restart"] == "no"
    assert SERVICES["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    for name in ("web", "worker"):
        assert SERVICES[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


def test_long_running_services_have_a_health_check_and_time_to_stop() -> None:
    for name in ("web", "worker"):
        service = SERVICES[name]
        assert service["healthcheck"]["test"] == ["CMD", "ticketadmin", "healthy", name]
        assert service["stop_signal"] == "SIGTERM"
        assert service["restart"] == "unless-stopped"
    units = {
        "web": (DEPLOY / "ticketadmin-web.service").read_text("utf-8"),
        "worker": (DEPLOY / "ticketadmin-worker@.service").read_text("utf-8"),
    }
    for name, unit in units.items():  # the same patience as with systemd
        [patience] = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
        assert seconds(SERVICES[name]["stop_grace_period"]) == int(patience)
    assert SERVICES["database"]["stop_signal"] == "SIGINT"


def test_there_is_one_volume_and_one_published_port() -> None:
    assert list(COMPOSE["volumes"]) == ["database"]
    named = [one for service in SERVICES.values() for one in service.get("volumes", []) if one[0] not in "./"]
    assert named == ["database:/var/lib/postgresql/data"]
    assert [name for name, service in SERVICES.items() if service.get("ports")] == ["proxy"]


def test_the_proxy_configuration_equals_that_for_systemd() -> None:
    """Each difference is named here; what one refuses or adds, the other does too."""
    site = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    for there, here in IN_CONTAINERS.items():
        assert there in site
        site = site.replace(there, here)

    def directives(text: str) -> list[str]:
        return [line for line in text.splitlines() if not line.startswith("#")]

    assert directives((DEPLOY / "compose" / "proxy.conf").read_text("utf-8")) == directives(site)


def test_files_that_the_compose_file_mounts_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / "compose" / source).exists(), source


def test_the_base_image_is_an_argument_and_commands_use_exec_form() -> None:
    assert re.search(r"^ARG BASE=\S+$", CONTAINERFILE, re.MULTILINE)
    assert re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE) == ["${BASE}", "${BASE}"]
    assert 'ENTRYPOINT ["ticketadmin"]' in CONTAINERFILE  # no shell between the signal and the process
    assert 'CMD ["web"]' in CONTAINERFILE
    assert "STOPSIGNAL SIGTERM" in CONTAINERFILE


def test_the_image_installs_every_package_that_runs() -> None:
    root = DEPLOY.parent
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = {
        re.split(r"[><=~\[]", one)[0].lower()
        for one in [*project["dependencies"], *extras["postgres"], *extras["oidc"]]
    }
    locked = re.findall(
        r"^([\w.-]+)(?:\[[\w,]+\])?==", (root / "requirements" / "image.txt").read_text("utf-8"), re.M
    )

    assert wanted - {name.lower() for name in locked} == set()
