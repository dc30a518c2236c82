"""Bare clones of an address, and worktrees of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from aios_app.domain.addresses import check_address, is_address, name_in
from aios_app.domain.errors import BadValue, ProjectUnusable
from aios_app.git.base import fetch, resolve_base
from aios_app.git.cloning import clone, clone_at, has_clone
from aios_app.git.location import Repository
from aios_app.git.repository import find_repository
from aios_app.git.targets import landing_target
from aios_app.git.worktrees import add_worktree
from tests.integration.git_fixtures import (
    Cloned,
    cloned,
    commit,
    deaf_port,
    git,
    push_from_elsewhere,
    quiet_git,
)

__all__ = ["cloned", "deaf_port", "quiet_git"]


@pytest.fixture
def bare(tmp_path: Path, cloned: Cloned) -> Repository:
    """A clone by its address, as a machine has it."""
    repo = clone_at(tmp_path / "clones" / "p1.git")
    clone(repo, str(cloned.origin.as_uri()), timeout_s=20)
    return repo


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://example.org/me/shop.git", "shop"),
        ("https://me@example.org/me/shop/", "shop"),
        ("ssh://git@example.org:2222/shop.git", "shop"),
        ("git@example.org:me/shop.git", "shop"),
        ("build:shop", "shop"),
        ("git://[::1]/über.git", "über"),
        ("file:///srv/git/shop.git", "shop"),
    ],
)
def test_an_address_is_told_from_a_path_and_names_the_project(address: str, name: str) -> None:
    assert is_address(address)
    assert check_address(address) == address
    assert name_in(address) == name


@pytest.mark.parametrize("path", [".", "~/code/shop", "../a:b/c", "/srv/x:y", "shop", "c:"])
def test_a_path_is_no_address(path: str) -> None:
    assert not is_address(path)


@pytest.mark.parametrize(
    "address",
    [
        "ext::sh -c touch% /tmp/x",
        "ext::sh",
        "fd::17",
        "--upload-pack=touch x",
        "-oProxyCommand=x:y",
        "ssh://-oProxyCommand=touch/x",
        "ssh://git@-oProxyCommand=touch/x",
        "git@-oProxy:x",
        "https://me:secret@example.org/x",
        "https://",
        "ftp://example.org/x",
        "https://example.org/a b",
        "https://example.org/\n",
        "/just/a/path",
    ],
)
def test_what_git_could_misunderstand_is_no_address(address: str) -> None:
    with pytest.raises(BadValue):
        check_address(address)


def test_a_clone_is_bare_and_has_only_what_origin_has(bare: Repository, cloned: Cloned) -> None:
    assert find_repository(bare.root) == bare
    assert bare.is_bare
    assert git(bare.root, "for-each-ref", "--format=%(refname)").split() == [
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/main",
    ]
    assert (
        resolve_base(bare).sentence()
        == f"base origin/main {git(cloned.root, 'rev-parse', '--short=7', 'HEAD')}"
    )
    assert landing_target(bare, "").name == "origin/main"


def test_worktrees_of_a_clone_begin_at_what_was_fetched(
    bare: Repository, cloned: Cloned, tmp_path: Path
) -> None:
    sha = push_from_elsewhere(cloned, tmp_path)

    assert fetch(bare, timeout_s=20) == ""
    base = resolve_base(bare)
    add_worktree(bare, path=tmp_path / "trees" / "one", branch="aios/1-x", sha=base.sha)

    assert base.sha == sha
    assert (tmp_path / "trees" / "one" / "news.txt").read_text() == "news\n"
    assert git(tmp_path / "trees" / "one", "branch", "--show-current") == "aios/1-x"


def test_a_clone_is_made_once_and_follows_a_new_address(bare: Repository, tmp_path: Path) -> None:
    clone(bare, "https://example.org/moved.git", timeout_s=1)

    assert bare.origin_url() == "https://example.org/moved.git"


def test_what_cannot_be_cloned_leaves_nothing(tmp_path: Path, quiet_git: None, deaf_port: int) -> None:
    git(tmp_path, "init", "-q", "--bare", "empty.git")
    repo = clone_at(tmp_path / "clones" / "p1.git")

    for address, words in {
        f"file://{tmp_path}/nothing.git": "cannot be cloned: '",
        f"file://{tmp_path}/empty.git": "has no commit",
        f"git://127.0.0.1:{deaf_port}/x": "did not answer within 0.5 s",
    }.items():
        with pytest.raises(ProjectUnusable, match=words):
            clone(repo, address, timeout_s=0.5 if "git:" in address else 20)

    assert not has_clone(repo)
    assert list((tmp_path / "clones").iterdir()) == []


def test_a_default_branch_of_another_name_is_found(tmp_path: Path, quiet_git: None) -> None:
    git(tmp_path, "init", "-q", "-b", "trunk", "shop")
    commit(tmp_path / "shop", "a", "a\n")
    git(tmp_path / "shop", "branch", "main-2")
    repo = clone_at(tmp_path / "clones" / "p1.git")

    clone(repo, f"file://{tmp_path}/shop", timeout_s=20)

    assert resolve_base(repo).ref == "origin/trunk"
