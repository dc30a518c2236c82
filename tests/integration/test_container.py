"""What each container does before it becomes its program: its folder, its secrets, its home."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from aios_app.agents import DEFAULT_AGENTS, module_for
from aios_app.domain.errors import StackError
from aios_app.services.container import Folders, environment, make_keys, redis_url, set_up, settle
from aios_app.services.context import open_catalog
from aios_app.settings import load
from aios_app.stack.claim_data import claim
from aios_app.stack.cluster import write_cluster
from aios_app.stack.directories import prepare_directories
from aios_app.stack.node_place import read_node_place, write_node_place
from aios_app.store.settings_table import SETTINGS
from tests.conftest import CHECKOUT

#: Claims a folder, says its number, and goes on in a program that knows nothing of it.
CLAIM = """
import os, sys
from pathlib import Path
from aios_app.stack.claim_data import claim
os.write(1, str(claim(Path(sys.argv[1])).number).encode() + b"\\n")
os.execvp("sleep", ["sleep", "60"])
"""


class Replica:
    """A container's process that holds a folder."""

    def __init__(self, data: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLAIM, str(data)],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.number = int(self.process.stdout.readline())

    def end(self, number: int) -> None:
        """Ends it by this signal."""
        self.process.send_signal(number)
        self.process.wait(5)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """As the image has them."""
    made = Folders(root=tmp_path / "root")
    for folder in (made.keys, made.data, made.place.parent, made.secrets, made.logins):
        folder.mkdir(parents=True)
    return made


def test_replicas_have_a_folder_each_and_the_next_one_has_that_of_one_that_was_killed(data: Path) -> None:
    replicas = [Replica(data) for _ in range(3)]
    numbers = [replica.number for replica in replicas]
    replicas[1].end(signal.SIGKILL)
    again = Replica(data)
    further = Replica(data)
    for replica in (replicas[0], replicas[2], again, further):
        replica.end(signal.SIGTERM)

    assert numbers == [1, 2, 3]
    assert (again.number, further.number) == (2, 4)
    assert stat.S_IMODE((data / "2").stat().st_mode) == 0o700


def test_a_folder_is_held_until_its_descriptor_is_closed(data: Path) -> None:
    first, second = claim(data), claim(data)
    os.close(first.descriptor)
    third = claim(data)
    for one in (second, third):
        os.close(one.descriptor)

    assert [first.folder, second.folder, third.folder] == [data / "1", data / "2", data / "1"]


def test_secrets_that_nobody_gave_are_made_once(folders: Folders) -> None:
    make_keys(folders)
    first = {path.name: path.read_text() for path in folders.keys.iterdir()}
    make_keys(folders)

    assert {path.name: path.read_text() for path in folders.keys.iterdir()} == first
    assert set(first) == {"redis_password", "web_token", "redis.conf"}
    assert first["redis_password"] != first["web_token"]
    assert f"requirepass {first['redis_password']}\n" in first["redis.conf"]
    assert SETTINGS["web_token"].check(first["web_token"]).startswith("sha256:")


def test_a_secret_that_is_given_counts_from_the_next_start(folders: Folders) -> None:
    make_keys(folders)
    (folders.secrets / "redis_password").write_text("p" * 40 + "\n")
    (folders.secrets / "web_token").write_text("")  # as /dev/null is
    token = (folders.keys / "web_token").read_text()
    make_keys(folders)

    assert redis_url(folders) == f"redis://:{'p' * 40}@redis:6379/0"
    assert (folders.keys / "web_token").read_text() == token


@pytest.mark.parametrize("given", ["short", "x" * 40 + "\nsave 1 1", "x" * 40 + '"', "ß" * 40])
def test_a_secret_that_is_no_good_one_is_refused_without_being_shown(folders: Folders, given: str) -> None:
    (folders.secrets / "redis_password").write_text(given)

    with pytest.raises(StackError, match="redis_password must have 32 to 200 letters") as refused:
        make_keys(folders)
    assert given not in str(refused.value)
    assert not (folders.keys / "redis.conf").exists()


def test_a_secret_that_may_not_be_read_is_named(folders: Folders) -> None:
    (folders.secrets / "web_token").mkdir()

    with pytest.raises(StackError, match="web_token cannot be read by user"):
        make_keys(folders)


def test_the_settled_place_is_found_by_its_link_and_worked_in_by_its_true_path(folders: Folders) -> None:
    claimed = settle(folders)
    environ = environment(claimed)
    os.close(claimed.descriptor)

    assert folders.place.readlink() == folders.data / "1"
    assert environ["AIOS_DATA_DIR"] == str(folders.data / "1/aios")
    assert environ["HOME"] == str(folders.data / "1/home")


def test_the_instance_is_of_the_cluster_and_keeps_what_a_person_has_set(folders: Folders) -> None:
    make_keys(folders)
    claimed = settle(folders)
    environ = environment(claimed)
    prepare_directories(load(environ))
    write_cluster(load(environ), {"redis_url": redis_url(folders), "worker": "off"})
    settings = load(environ)
    set_up(settings, {"machine_name": "web"})
    catalog = open_catalog(settings)
    catalog.set("max_agents", "3")
    catalog.close()
    set_up(settings, {"machine_name": "web"})
    os.close(claimed.descriptor)

    catalog = open_catalog(load(environ))
    chosen = {key: catalog.get(key) for key in ("machine_name", "max_agents")}
    agents = {agent.key for agent in catalog.agents()}
    catalog.close()
    assert (settings.redis_url, settings.is_member) == (redis_url(folders), True)
    assert settings.has_worker is False
    assert chosen == {"machine_name": "web", "max_agents": "3"}
    assert "d" in agents
    assert stat.S_IMODE(settings.cluster_file.stat().st_mode) == 0o600


def test_mounted_logins_are_found_in_the_home_and_nothing_in_it_is_changed(folders: Folders) -> None:
    (folders.logins / ".codex").mkdir()
    (folders.logins / ".codex/auth.json").write_text('{"of": "the person"}')
    (folders.logins / ".gitconfig").write_text("[user]\n\tname = Ada\n")
    (folders.logins / ".gemini").mkdir()
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY"):
        (folders.secrets / name).write_text("sk-key")
    home = folders.data / "1/home"
    home.mkdir(parents=True)
    (home / ".gitconfig").write_text("[user]\n\tname = Bob\n")
    os.close(settle(folders).descriptor)

    assert (home / ".codex").readlink() == folders.logins / ".codex"
    assert json.loads((home / ".codex/auth.json").read_text()) == {"of": "the person"}
    assert list((folders.logins / ".gemini").iterdir()) == []
    assert "Bob" in (home / ".gitconfig").read_text()


def test_an_api_key_makes_its_agent_one_that_is_logged_in(folders: Folders) -> None:
    keys = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")
    for name in keys:
        (folders.secrets / name).write_text(f"{name}-{'k' * 30}\n")
    os.close(settle(folders).descriptor)
    home = folders.data / "1/home"

    ready = {
        agent.key: [need.ok for need in module_for(agent).ready(home, dict.fromkeys(keys, "set"))]
        for agent in DEFAULT_AGENTS
        if agent.key in {"c", "l", "g"}
    }
    assert ready == {"c": [True], "l": [True], "g": [True]}
    modes = {stat.S_IMODE((home / name).stat().st_mode) for name in (".codex/auth.json", ".claude.json")}
    assert modes == {0o600}
    approved = json.loads((home / ".claude.json").read_text())["customApiKeyResponses"]["approved"]
    assert approved == ["k" * 20]


def test_without_keys_nothing_is_said_to_be_logged_in(folders: Folders) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        (folders.secrets / name).write_text("")
    os.close(settle(folders).descriptor)

    assert list((folders.data / "1/home").iterdir()) == []


def test_the_profile_gives_keys_to_login_shells_alone(folders: Folders) -> None:
    (folders.secrets / "OPENAI_API_KEY").write_text("sk-secret\n")
    (folders.secrets / "GEMINI_API_KEY").write_text("")
    profile = (CHECKOUT / "docker/keys.sh").read_text().replace("/run/secrets", str(folders.secrets))

    for shell in ("sh", "bash"):
        said = subprocess.run(
            [shell, "-c", f"{profile}\nenv"], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
        )
        assert "OPENAI_API_KEY=sk-secret\n" in said.stdout
        assert "GEMINI_API_KEY" not in said.stdout


@pytest.mark.parametrize("words", [[], ["bash"], ["worker", "-x"]])
def test_a_role_that_is_none_is_refused(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aios_app.services.container", *words],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("a container of AIOS is one of: keys, worker, web, flower")


@pytest.mark.parametrize("role", ["worker", "web"])
def test_where_nothing_answers_a_container_is_not_well(role: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "aios_app.services.container_health", role],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "does not answer" in done.stdout


def test_the_address_of_an_earlier_start_is_not_told_to_others(folders: Folders) -> None:
    settings = load({"HOME": str(folders.root), "AIOS_DATA_DIR": str(folders.data / "1")})
    prepare_directories(settings)
    write_node_place(settings, "10.0.0.5", 7682, "PEM")

    assert read_node_place(replace(settings, listen="10.0.0.5"))["address"] == "10.0.0.5"
    assert read_node_place(replace(settings, listen="10.0.0.6")) == {}
