"""SSH that fails, HTTPS that works or does not: against servers, with the real git and the real ssh."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path

import psutil
import pytest

from aios_app.domain.errors import GitError
from aios_app.git.base import fetch
from aios_app.git.cloning import clone, clone_at
from aios_app.git.fallback import fetch_with_fallback
from aios_app.git.person import Person
from aios_app.git.runner import GitTimeout, first_words
from aios_app.git.targets import Target, fetch_target
from tests.integration.git_fixtures import deaf_port, git, quiet_git
from tests.integration.git_remotes import PASSWORD, USER, Away, HttpsRemote, away, https_remote, refusing_ssh

__all__ = ["away", "deaf_port", "https_remote", "quiet_git", "refusing_ssh"]

_CHECKOUT = str(Path(__file__).parents[2])
_TWIN = "https://127.0.0.1/org/shop.git"


def _origin(place: Away) -> str:
    return git(place.repo.root, "rev-parse", "origin/main")


def _setting(place: Away, *args: str) -> str:
    return git(place.repo.root, "config", "--local", "--default", "", *args)


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_without_a_key_the_twin_is_fetched_and_stays_origin(
    away: Away, refusing_ssh: int, https_remote: HttpsRemote, caplog: pytest.LogCaptureFixture
) -> None:
    # Given an origin by SSH that takes no key, and a password for the same host by HTTPS
    away.lead_ssh_to(refusing_ssh)
    away.lead_https_to(https_remote.url)
    away.trust(https_remote)
    news = away.news()

    # When it is fetched
    said = fetch_with_fallback(away.repo, timeout_s=8)

    # Then the news are there, origin is another for good, and both is said
    assert _origin(away) == news
    assert said == f"origin is {_TWIN} from now on, as SSH fails ({_refusal()})"
    assert f"origin is {_TWIN} from now on and was git@hub.test:org/shop.git" in caplog.text
    assert _setting(away, "remote.origin.url") == _TWIN
    assert _setting(away, "credential.helper") == ""  # the person has one

    # And SSH is not asked any more
    git(away.repo.root, "config", "core.sshCommand", "false")
    assert fetch_with_fallback(away.repo, timeout_s=8) == ""


def _refusal() -> str:
    return "git@127.0.0.1: Permission denied (publickey)."


def test_a_person_without_a_memory_for_passwords_gets_one_of_a_week(
    away: Away, refusing_ssh: int, https_remote: HttpsRemote, caplog: pytest.LogCaptureFixture
) -> None:
    away.lead_ssh_to(refusing_ssh)
    away.lead_https_to(https_remote.url.replace("//", f"//{USER}:{PASSWORD.replace(' ', '%20')}@"))
    away.configure("http.sslCAInfo", str(https_remote.certificate))

    fetch_with_fallback(away.repo, timeout_s=8)

    assert _setting(away, "credential.helper") == "cache --timeout=604800"
    assert "for a week" in caplog.text


@pytest.mark.parametrize("trouble", ["wrong password", "no password", "untrusted", "silent"])
def test_where_https_fails_too_nothing_is_changed(
    away: Away, refusing_ssh: int, https_remote: HttpsRemote, deaf_port: int, trouble: str
) -> None:
    # Given an origin that can be reached neither way
    away.lead_ssh_to(refusing_ssh)
    away.lead_https_to(f"https://127.0.0.1:{deaf_port}/" if trouble == "silent" else https_remote.url)
    if trouble == "no password":
        away.configure("http.sslCAInfo", str(https_remote.certificate))
    elif trouble != "untrusted":
        away.trust(https_remote, "wrong" if trouble == "wrong password" else PASSWORD)
    away.news()
    before, begun = away.state(), time.monotonic()

    # When it is fetched
    with pytest.raises(GitError) as caught:
        fetch_with_fallback(away.repo, timeout_s=2 if trouble == "silent" else 7)

    # Then both are told within the limit, all is as it was, and no process is left
    words = {
        "wrong password": "Authentication failed",
        "no password": "could not read Username",
        "untrusted": "certificate",
        "silent": "took longer than",
    }
    assert first_words(caught.value).startswith(f"{_refusal()}; {_TWIN}: ")
    assert words[trouble] in first_words(caught.value)
    assert time.monotonic() - begun < 5
    assert away.state() == before
    assert _fetching(str(away.folder)) == []


def _fetching(folder: str) -> list[str]:
    """Programs of git at work in a folder, or on its behalf."""
    found = psutil.process_iter(["name", "cwd"])
    return [one.info["name"] for one in found if (one.info["cwd"] or "").startswith(folder)]


@pytest.mark.parametrize(
    "way", ["closed", pytest.param("silent", marks=pytest.mark.long), "unknown host", "no ssh"]
)
def test_each_way_of_having_no_way_leads_to_the_twin(
    away: Away, refusing_ssh: int, https_remote: HttpsRemote, deaf_port: int, closed_port: int, way: str
) -> None:
    port = {"closed": closed_port, "silent": deaf_port}.get(way, refusing_ssh)
    away.lead_ssh_to(port, knows_host=way != "unknown host")
    if way == "no ssh":
        git(away.repo.root, "config", "core.sshCommand", "/nowhere/ssh")
    away.lead_https_to(https_remote.url)
    away.trust(https_remote)
    news = away.news()

    assert fetch_with_fallback(away.repo, timeout_s=9).startswith(f"origin is {_TWIN} from now on")
    assert _origin(away) == news


def test_where_the_configuration_is_locked_the_news_come_and_the_address_stays(
    away: Away, refusing_ssh: int, https_remote: HttpsRemote
) -> None:
    away.lead_ssh_to(refusing_ssh)
    away.lead_https_to(https_remote.url)
    away.trust(https_remote)
    config, news = away.repo.git_dir / "config", away.news()
    before = config.read_text()
    config.with_name("config.lock").touch()

    said = fetch_with_fallback(away.repo, timeout_s=8)

    assert (_origin(away), config.read_text()) == (news, before)
    assert "its address could not be kept (could not lock config file" in said


@pytest.mark.parametrize(
    "words", ["ERROR: Repository not found.", "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @"]
)
def test_what_https_would_not_mend_is_no_reason_for_it(
    away: Away, https_remote: HttpsRemote, tmp_path: Path, words: str
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "{words}" >&2\necho "Host key verification failed." >&2\nexit 255\n')
    if words.startswith("ERROR"):
        ssh.write_text(f'#!/bin/sh\necho "{words}" >&2\nexit 1\n')
    ssh.chmod(0o755)
    away.configure("core.sshCommand", str(ssh))
    away.rule(https_remote.url, "https://hub.test/")
    away.trust(https_remote)
    before = away.state()

    with pytest.raises(GitError):
        fetch_with_fallback(away.repo, timeout_s=8)

    assert https_remote.asked == []
    assert away.state() == before


def test_a_rule_of_the_person_that_makes_ssh_of_https_is_kept_and_is_no_loop(
    away: Away, refusing_ssh: int, https_remote: HttpsRemote
) -> None:
    away.lead_ssh_to(refusing_ssh)
    away.rule("git@127.0.0.1:", "https://127.0.0.1/")
    away.trust(https_remote)
    before = away.state()

    with pytest.raises(GitError) as caught:
        fetch_with_fallback(away.repo, timeout_s=8)

    assert first_words(caught.value) == _refusal()
    assert away.state() == before


@pytest.mark.parametrize("by", ["pushurl", "pushInsteadOf"])
def test_pushes_go_on_going_where_they_went(
    away: Away, refusing_ssh: int, https_remote: HttpsRemote, by: str
) -> None:
    away.lead_ssh_to(refusing_ssh)
    away.lead_https_to(https_remote.url)
    away.trust(https_remote)
    if by == "pushurl":
        git(away.repo.root, "config", "remote.origin.pushurl", f"{away.folder}/served/org/shop.git")
    else:
        away.rule(f"{away.folder}/served/", "git@hub.test:", kind="pushInsteadOf")

    fetch_with_fallback(away.repo, timeout_s=8)

    assert git(away.repo.root, "remote", "get-url", "origin") == f"{https_remote.url}org/shop.git"
    assert git(away.repo.root, "remote", "get-url", "--push", "origin") == str(away.served)


def test_a_rule_for_the_ssh_address_itself_is_followed(
    away: Away, refusing_ssh: int, https_remote: HttpsRemote
) -> None:
    away.lead_ssh_to(refusing_ssh)
    away.rule(f"ssh://git@127.0.0.1:{refusing_ssh}/", "hub:")
    git(away.repo.root, "remote", "set-url", "origin", "hub:org/shop.git")
    away.lead_https_to(https_remote.url)
    away.trust(https_remote)

    fetch_with_fallback(away.repo, timeout_s=8)

    assert _setting(away, "remote.origin.url") == _TWIN


def test_where_it_is_off_a_fetch_stays_with_ssh(
    away: Away, refusing_ssh: int, https_remote: HttpsRemote
) -> None:
    away.lead_ssh_to(refusing_ssh)
    away.lead_https_to(https_remote.url)
    away.trust(https_remote)

    assert "Permission denied" in fetch(away.repo, timeout_s=8)
    assert https_remote.asked == []
    assert fetch(away.repo, timeout_s=8, https_fallback=True).startswith("origin is https://")


def test_a_landing_finds_its_remote_by_https_where_that_is_allowed(
    away: Away, refusing_ssh: int, https_remote: HttpsRemote
) -> None:
    away.lead_ssh_to(refusing_ssh)
    away.lead_https_to(https_remote.url)
    away.trust(https_remote)
    news = away.news()
    person = Person(environment={})

    with pytest.raises(GitError, match="Permission denied"):
        fetch_target(away.repo, Target(branch="main"), person, timeout_s=8)
    found = fetch_target(away.repo, Target(branch="main"), person, timeout_s=8, https_fallback=True)

    assert found == news
    assert _setting(away, "remote.origin.url") == _TWIN


def test_a_clone_that_fell_back_stays_with_the_twin(
    away: Away, refusing_ssh: int, https_remote: HttpsRemote
) -> None:
    address = f"ssh://git@127.0.0.1:{refusing_ssh}/org/shop.git"
    away.lead_ssh_to(refusing_ssh)
    away.lead_https_to(https_remote.url)
    away.trust(https_remote)
    cloned = clone_at(away.folder / "clones/shop.git")

    for _ in range(2):
        clone(cloned, address, timeout_s=8, https_fallback=True)

    assert cloned.origin_url() == _TWIN


def test_a_remote_that_answers_by_ssh_is_not_asked_otherwise(away: Away, https_remote: HttpsRemote) -> None:
    git(away.repo.root, "remote", "set-url", "origin", str(away.served))
    news = away.news()

    assert fetch_with_fallback(away.repo, timeout_s=8) == ""
    assert (_origin(away), https_remote.asked) == (news, [])


_IN_A_TERMINAL = """
import fcntl, pathlib, sys, termios
from aios_app.git.fallback import fetch_with_fallback
from aios_app.git.repository import find_repository
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
open("/dev/tty").close()
try:
    fetch_with_fallback(find_repository(pathlib.Path(sys.argv[1])), timeout_s=6)
except Exception as error:
    pathlib.Path(sys.argv[2]).write_text(str(error))
"""


def test_nothing_asks_on_the_terminal_that_one_has(
    away: Away, refusing_ssh: int, https_remote: HttpsRemote
) -> None:
    # Given an ssh that would ask whether a host is the right one, and a server that wants a password
    away.configure(
        "core.sshCommand", "ssh -F none -oUserKnownHostsFile=/dev/null -oStrictHostKeyChecking=ask"
    )
    away.rule(f"ssh://git@127.0.0.1:{refusing_ssh}/", "git@hub.test:")
    away.lead_https_to(https_remote.url)
    away.configure("http.sslCAInfo", str(https_remote.certificate))
    away.configure("core.askPass", "echo")
    away.configure("credential.helper", "!echo who are you? >/dev/tty; false")
    leader, follower = os.openpty()
    attributes = termios.tcgetattr(follower)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(follower, termios.TCSANOW, attributes)

    # When a program that has a terminal fetches
    told = away.folder / "told"
    with subprocess.Popen(
        [sys.executable, "-c", _IN_A_TERMINAL, str(away.repo.root), str(told)],
        stdin=follower,
        start_new_session=True,
        env=os.environ
        | {"DISPLAY": ":9", "SSH_ASKPASS": "echo", "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as process:
        process.wait(8)

    # Then it fails for want of both, and the terminal has seen nothing
    os.set_blocking(leader, False)
    with pytest.raises(BlockingIOError):
        assert os.read(leader, 1000) == b""
    os.close(follower)
    os.close(leader)
    assert "Host key verification failed.; https://" in told.read_text()
    assert "could not read Username" in told.read_text()


def test_a_limit_that_ssh_alone_uses_up_is_told_as_such(away: Away, deaf_port: int, tmp_path: Path) -> None:
    away.configure("core.sshCommand", "sleep 60;")
    away.rule(f"ssh://git@127.0.0.1:{deaf_port}/", "git@hub.test:")

    with pytest.raises(GitTimeout, match="does not answer"):
        fetch_with_fallback(away.repo, timeout_s=0.5)
