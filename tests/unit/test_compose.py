"""The files for containers: what a person relies on when they start them, read without an engine."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from aios_app.services.container import ROLES

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text()
FILE: dict[str, Any] = yaml.safe_load(COMPOSE)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
#: Images with the names of AIOS are built here, of these targets.
OWN = {"aios/web:local": "web", "aios/worker:local": "worker"}


def stages() -> dict[str, str]:
    """The lines of each target of the Dockerfile with those of the ones that it is made from."""
    found: dict[str, str] = {}
    for part in re.split(r"^(?=FROM )", DOCKERFILE, flags=re.MULTILINE)[1:]:
        match = re.match(r"FROM (\S+) AS (\S+)\n", part)
        assert match is not None, part
        found[match[2]] = found.get(match[1], "") + part
    return found


def test_the_services_are_those_of_a_cluster_and_their_roles_exist() -> None:
    own = {name: service for name, service in SERVICES.items() if service["image"] in OWN}

    assert set(SERVICES) == {"keys", "redis", "web", "worker", "flower"}
    assert {role for service in own.values() for role in service["command"]} == set(ROLES)
    assert {name: OWN[service["image"]] for name, service in own.items()} == {
        "keys": "web", "web": "web", "flower": "web", "worker": "worker"
    }  # fmt: skip
    built = {service["image"]: service["build"]["target"] for service in own.values() if "build" in service}
    assert built == OWN


def test_a_start_pulls_no_front_end_of_the_builder_and_no_other_images_than_two() -> None:
    bases = {base for base in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) if base not in stages()}

    assert "syntax=" not in DOCKERFILE + COMPOSE
    assert bases == {"python:3.12-slim"}
    assert {service["image"] for service in SERVICES.values()} - set(OWN) == {"redis:7"}


def test_nothing_listens_but_on_this_machine_alone() -> None:
    ports = {name: port for name, service in SERVICES.items() for port in service.get("ports", [])}

    assert set(ports) == {"web", "flower"}
    assert all(port.startswith("127.0.0.1:") for port in ports.values())
    assert not any("network_mode" in service for name, service in SERVICES.items() if name != "keys")


def test_what_runs_is_known_to_be_well() -> None:
    unknown = {
        name
        for name, service in SERVICES.items()
        if "healthcheck" not in service and "HEALTHCHECK" not in stages()[OWN[service["image"]]]
    }
    lasting = {name for name, service in SERVICES.items() if service["restart"] == "unless-stopped"}

    assert unknown == set()
    assert [name for name in SERVICES if SERVICES[name].get("healthcheck", {}).get("disable")] == ["keys"]
    assert lasting == set(SERVICES) - {"keys"}


def test_nobody_is_root_and_nobody_becomes_it() -> None:
    last_users = {
        name: re.findall(r"^USER (\S+)", text, re.MULTILINE)[-1:] for name, text in stages().items()
    }

    assert last_users == {"build": [], "base": ["aios"], "web": ["aios"], "worker": ["aios"]}
    for service in SERVICES.values():
        assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"])
        assert "privileged" not in service
        assert not any("docker.sock" in volume for volume in service.get("volumes", []))


def test_each_service_reaps_what_its_agents_leave_and_has_time_to_end() -> None:
    assert all(service["init"] is True for service in SERVICES.values())
    assert {"redis", "web", "worker"} <= {name for name in SERVICES if "stop_grace_period" in SERVICES[name]}


def test_secrets_come_as_files_and_stand_in_no_environment() -> None:
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    values = [str(value) for one in SERVICES.values() for value in one.get("environment", {}).values()]

    assert used == set(FILE["secrets"])
    assert all(set(secret) == {"file"} for secret in FILE["secrets"].values())
    assert not any(re.search(r"KEY|TOKEN|PASSWORD|SECRET", value) for value in values)
    profile = (ROOT / "docker/keys.sh").read_text()
    agents_keys = {name for name in SERVICES["worker"]["secrets"] if name.endswith("_API_KEY")}
    assert all(f" {name} " in profile.replace(";", " ") for name in agents_keys)


def test_what_must_outlive_a_container_is_on_a_named_volume() -> None:
    volumes = {name: service.get("volumes", []) for name, service in SERVICES.items()}
    named = {volume.partition(":")[0] for of_one in volumes.values() for volume in of_one}

    assert named == set(FILE["volumes"])
    assert "redis:/data" in volumes["redis"]
    assert "worker:/data" in volumes["worker"]
    assert "web:/data" in volumes["web"]
    assert [name for name, of_one in volumes.items() if "keys:/keys" in of_one] == ["keys"]


def test_replicas_of_the_worker_do_not_get_in_each_others_way() -> None:
    assert SERVICES["worker"].keys().isdisjoint({"container_name", "hostname", "ports", "network_mode"})


def test_every_setting_is_in_the_example_and_the_example_has_no_other() -> None:
    used = set(re.findall(r"\$\{(\w+):-", COMPOSE))
    named = set(re.findall(r"^#(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert re.findall(r"\$\{\w+\}", COMPOSE) == []
    assert named == used


def test_the_example_of_mounts_is_about_services_that_exist() -> None:
    example = yaml.safe_load((ROOT / "docker-compose.override.example.yml").read_text())

    assert set(example["services"]) <= set(SERVICES)


def test_the_image_is_made_of_files_that_exist_and_come_along() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(?:--\S+ )*(\S+) ", DOCKERFILE, re.MULTILINE)

    assert [path for path in copied if not (ROOT / path).exists()] == []
    assert {path.partition("/")[0] for path in copied} - {"."} <= {
        line[1:] for line in ignored if line[:1] == "!"
    }
    wanted = {"aios_app", "workers", "web", "hatch_build.py", "pyproject.toml", "README.md", "docker"}
    assert {line[1:] for line in ignored if line[:1] == "!"} == wanted


@pytest.mark.parametrize("text", [DOCKERFILE, COMPOSE], ids=["Dockerfile", "docker-compose.yml"])
def test_the_modules_that_are_started_exist(text: str) -> None:
    modules = re.findall(r"-m\"?, \"?([\w.]+)", text)

    assert len(modules) > 0
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []


def test_the_image_keeps_no_lists_and_caches_of_what_it_was_made_with() -> None:
    runs = re.findall(r"^RUN (.*?)(?<!\\)$", DOCKERFILE, re.MULTILINE | re.DOTALL)

    assert all("rm -rf /var/lib/apt/lists/*" in run for run in runs if "apt-get install" in run)
    assert all("--mount=type=cache" in run for run in runs if "pip install" in run or "npm install" in run)
    assert all("--no-install-recommends" in run for run in runs if "apt-get install" in run)
