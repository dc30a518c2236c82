"""The HTTPS address of an SSH address."""

from __future__ import annotations

from pathlib import Path

import pytest

from aios_app.git.https_twin import https_twin
from tests.integration.landing_fixtures import is_gone

#: An ssh that knows no host by another name.
_PLAIN = ("true",)


@pytest.mark.parametrize(
    ("url", "twin"),
    [
        ("git@github.com:u/r.git", "https://github.com/u/r.git"),
        ("ada@git.example.org:u/r", "https://git.example.org/u/r"),
        ("git.example.org:u/r.git", "https://git.example.org/u/r.git"),
        ("git@hub.test:/u/r.git", "https://hub.test/u/r.git"),
        ("ssh://git@hub.test/u/r.git", "https://hub.test/u/r.git"),
        ("ssh://git@hub.test:2222/u/r.git", "https://hub.test/u/r.git"),
        ("ssh://hub.test:/u/r.git", "https://hub.test/u/r.git"),
        ("git+ssh://git@hub.test/u/r.git", "https://hub.test/u/r.git"),
        ("[git@hub.test:2222]:u/r.git", "https://hub.test/u/r.git"),
        ("git@[::1]:u/r.git", "https://[::1]/u/r.git"),
        ("ssh://git@[::1]:2222/u/r.git", "https://[::1]/u/r.git"),
        ("git@hub.test:u/a b?c#d%20.git", "https://hub.test/u/a%20b%3Fc%23d%2520.git"),
        ("ssh://git@hub.test/u/a%20b.git", "https://hub.test/u/a%20b.git"),
        ("git@ssh.github.com:u/r.git", "https://github.com/u/r.git"),
    ],
)
def test_an_ssh_address_has_a_twin(url: str, twin: str) -> None:
    assert https_twin(url, _PLAIN) == twin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/srv/git/r.git",
        "../r.git",
        "./host:r.git",
        "srv/a:b/r.git",
        "file:///srv/git/r.git",
        "https://hub.test/u/r.git",
        "http://git@hub.test:u/r.git",
        "git://hub.test/u/r.git",
        "ext::ssh hub.test %S /r.git",
        "-oProxyCommand=touch:x",
        "git@-oProxyCommand=touch:x",
        "ssh://-oProxyCommand=touch/x",
        "ssh://-l@hub.test/x",
        "git@hub.test:",
        "git@hub.test:~ada/r.git",
        "git@hub.test:../r.git",
        "git@hub.test:r\n.git",
        "git@hub test:r.git",
        "git@[::1%eth0]:r.git",
        "git@[::x]:r.git",
        "git@a@b:r.git",
    ],
)
def test_what_is_no_ssh_address_or_has_no_twin_has_none(url: str) -> None:
    assert https_twin(url, _PLAIN) is None


def test_an_alias_of_the_persons_ssh_stands_for_its_host(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "Host work\n  HostName Git.Example.org\n  Port 2222\n"
        "Host github.com-work\n  HostName github.com\n"
        "Host github.com\n  HostName ssh.github.com\n  Port 443\n"
        "Host odd\n  HostName -oProxyCommand=x\n"
    )
    ssh = ("ssh", "-F", str(config))

    assert https_twin("work:u/r.git", ssh) == "https://git.example.org/u/r.git"
    assert https_twin("git@github.com-work:u/r.git", ssh) == "https://github.com/u/r.git"
    assert https_twin("git@github.com:u/r.git", ssh) == "https://github.com/u/r.git"
    assert https_twin("git@odd:u/r.git", ssh) in (None, "https://odd/u/r.git")


@pytest.mark.long
def test_an_ssh_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    ssh = ("sh", "-c", f"sleep 60 & echo $! >{tmp_path}/child; wait")

    assert https_twin("git@hub.test:u/r.git", ssh) == "https://hub.test/u/r.git"
    assert is_gone(int((tmp_path / "child").read_text()))


def test_without_an_ssh_the_host_is_taken_as_it_is_written() -> None:
    assert https_twin("git@hub.test:u/r.git", ("/nowhere/ssh",)) == "https://hub.test/u/r.git"
