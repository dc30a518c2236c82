from __future__ import annotations

from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError, GitError
from aios_app.git.landed import is_landed
from aios_app.git.repository import Repository, find_repository
from aios_app.git.targets import Target, fetch_target, landing_target, line_key, remote_has
from tests.integration.git_fixtures import (
    Cloned,
    cloned,
    commit,
    git,
    make_repository,
    push_from_elsewhere,
    quiet_git,
)
from tests.integration.landing_fixtures import MAIN, PERSON, work

__all__ = ["cloned", "quiet_git"]
pytestmark = pytest.mark.usefixtures("quiet_git")


@pytest.fixture
def released(cloned: Cloned) -> Cloned:
    git(cloned.root, "push", "-q", "origin", "main:rel/1.0", "main:release")
    return cloned


@pytest.mark.parametrize(
    ("base_ref", "wanted", "branch"),
    [
        ("origin/main", "", "main"),
        ("", "", "main"),
        ("origin/rel/1.0", "", "rel/1.0"),
        ("release", "", "release"),
        ("refs/remotes/origin/release", "", "release"),
        ("HEAD", "", "main"),
        ("only-local", "", "main"),
        ("-x", "", "main"),
        ("origin/release", "rel/1.0", "rel/1.0"),
        ("", "origin/release", "release"),
    ],
)
def test_work_lands_on_the_branch_it_began_at_where_the_remote_has_it(
    released: Cloned, base_ref: str, wanted: str, branch: str
) -> None:
    git(released.root, "branch", "only-local")

    assert landing_target(released.repo, base_ref, wanted) == Target(branch=branch)


def test_a_base_that_the_remote_has_not_is_refused(released: Cloned) -> None:
    git(released.root, "branch", "only-local")

    with pytest.raises(ConflictError, match="origin has no branch 'only-local'"):
        landing_target(released.repo, "origin/main", "only-local")


def test_without_a_remote_local_branches_count(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "r")
    git(repo.root, "branch", "next")

    assert landing_target(repo, "next") == Target(branch="next", remote="")
    assert landing_target(repo, "HEAD") == Target(branch="main", remote="")
    git(repo.root, "checkout", "-q", "--detach")
    with pytest.raises(ConflictError, match="on no branch"):
        landing_target(repo, "HEAD")


def test_a_line_is_the_same_from_each_clone_however_the_address_is_written(
    cloned: Cloned, tmp_path: Path
) -> None:
    keys = set()
    for url in (
        "https://ada:secret@Example.org/team/shop.git",
        "https://example.org/team/shop",
        "git@example.org:team/shop.git",
        "ssh://git@example.org:22/team/shop.git/",
    ):
        git(cloned.root, "remote", "set-url", "origin", url)
        keys.add(line_key(cloned.repo, MAIN, "here"))
    assert len(keys) == 1

    for url in ("https://example.org/team/shop-web.git", "ssh://git@example.org:2222/team/shop.git"):
        git(cloned.root, "remote", "set-url", "origin", url)
        keys.add(line_key(cloned.repo, MAIN, "there"))
    assert len(keys) == 3
    assert line_key(cloned.repo, Target(branch="other"), "here") not in keys


def test_a_line_of_a_path_is_the_same_relative_and_through_a_link(cloned: Cloned, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(cloned.origin)
    keys = set()
    for url in (str(cloned.origin), f"../{cloned.origin.name}", f"file://{tmp_path}/link"):
        git(cloned.root, "remote", "set-url", "origin", url)
        keys.add(line_key(cloned.repo, MAIN, "here"))
    git(cloned.root, "remote", "remove", "origin")

    assert len(keys) == 1
    assert line_key(cloned.repo, Target(branch="main", remote=""), "here") not in keys


def test_a_line_of_a_repository_without_a_remote_is_of_its_machine_alone(cloned: Cloned) -> None:
    local = Target(branch="main", remote="")

    assert line_key(cloned.repo, MAIN, "here") == line_key(cloned.repo, MAIN, "there")
    assert line_key(cloned.repo, local, "here") != line_key(cloned.repo, local, "there")


def test_a_fetch_sees_what_others_pushed_and_also_that_the_remote_was_rewound(
    cloned: Cloned, tmp_path: Path
) -> None:
    first = git(cloned.root, "rev-parse", "HEAD")
    theirs = push_from_elsewhere(cloned, tmp_path)
    assert fetch_target(cloned.repo, MAIN, PERSON, timeout_s=10) == theirs

    git(cloned.origin, "update-ref", "refs/heads/main", first)
    assert fetch_target(cloned.repo, MAIN, PERSON, timeout_s=10) == first


def test_a_fetch_that_fails_is_an_error(cloned: Cloned) -> None:
    with pytest.raises(GitError, match="origin has no branch gone"):
        fetch_target(cloned.repo, Target(branch="gone"), PERSON, timeout_s=10)
    cloned.origin.rename(cloned.origin.with_name("away"))

    with pytest.raises(GitError, match="does not appear to be a git repository"):
        fetch_target(cloned.repo, MAIN, PERSON, timeout_s=10)
    with pytest.raises(GitError, match="does not appear to be a git repository"):
        remote_has(cloned.repo, MAIN, "0" * 40, PERSON, timeout_s=10)


def test_the_remote_is_asked_what_it_has(cloned: Cloned, tmp_path: Path) -> None:
    pushed = git(cloned.root, "rev-parse", "HEAD")
    mine = commit(cloned.root, "a.txt", "a\n")

    assert remote_has(cloned.repo, MAIN, pushed, PERSON, timeout_s=10)
    assert not remote_has(cloned.repo, MAIN, mine, PERSON, timeout_s=10)
    push_from_elsewhere(cloned, tmp_path)
    assert remote_has(cloned.repo, MAIN, pushed, PERSON, timeout_s=10)
    assert not remote_has(cloned.repo, MAIN, mine, PERSON, timeout_s=10)
    assert not remote_has(cloned.repo, Target(branch="gone"), mine, PERSON, timeout_s=10)


def test_without_a_remote_the_local_branch_is_asked(tmp_path: Path) -> None:
    repo, local = make_repository(tmp_path / "r"), Target(branch="main", remote="")
    sha = git(repo.root, "rev-parse", "HEAD")

    assert fetch_target(repo, local, PERSON, timeout_s=10) == sha
    assert remote_has(repo, local, sha, PERSON, timeout_s=10)
    with pytest.raises(GitError, match="has no gone"):
        fetch_target(repo, Target(branch="gone", remote=""), PERSON, timeout_s=10)


@pytest.fixture
def elsewhere(cloned: Cloned, tmp_path: Path) -> Path:
    """A clone in which someone else brings branches into main."""
    git(tmp_path, "clone", "-q", str(cloned.origin), "hub")
    commit(tmp_path / "hub", "before.txt", "b\n")
    return tmp_path / "hub"


def _pushed_work(cloned: Cloned) -> str:
    work(cloned.root, {"a.txt": "a\n"})
    sha = work(cloned.root, {"README.md": "one\ntwo\n"})
    git(cloned.root, "push", "-q", "origin", "work")
    return sha


def _is_landed(cloned: Cloned, hub: Path, sha: str) -> bool:
    commit(hub, "after.txt", git(hub, "rev-parse", "HEAD"))
    git(hub, "push", "-q", "origin", "main")
    return is_landed(cloned.repo, sha, fetch_target(cloned.repo, MAIN, PERSON, timeout_s=10))


@pytest.mark.parametrize(
    "way",
    [
        ["merge", "-q", "--no-edit", "origin/work"],
        ["merge", "-q", "--squash", "origin/work"],
        ["cherry-pick", "origin/work~1", "origin/work"],
    ],
)
@pytest.mark.parametrize("is_changed_since", [False, True])
def test_a_branch_that_came_in_elsewhere_is_landed(
    cloned: Cloned, elsewhere: Path, way: list[str], *, is_changed_since: bool
) -> None:
    sha = _pushed_work(cloned)
    git(elsewhere, "fetch", "-q")
    git(elsewhere, *way)
    if way[2] == "--squash":
        git(elsewhere, "commit", "-q", "-m", "Fix it (#7)")
    if is_changed_since:
        commit(elsewhere, "README.md", "all new\n")

    assert _is_landed(cloned, elsewhere, sha)


def test_a_branch_whose_work_came_in_by_other_commits_is_landed(cloned: Cloned, elsewhere: Path) -> None:
    sha = work(cloned.root, {"a.txt": "a\n", "b.txt": "b\n"})
    commit(elsewhere, "a.txt", "a\n")
    commit(elsewhere, "b.txt", "b\n")

    assert _is_landed(cloned, elsewhere, sha)


def test_a_branch_that_is_not_there_or_only_half_is_not_landed(cloned: Cloned, elsewhere: Path) -> None:
    sha = _pushed_work(cloned)
    assert not _is_landed(cloned, elsewhere, sha)
    git(elsewhere, "fetch", "-q")
    git(elsewhere, "cherry-pick", "origin/work~1")

    assert not _is_landed(cloned, elsewhere, sha)


@pytest.mark.parametrize("way", [["merge", "-q", "--squash", "origin/work"], ["cherry-pick", "origin/work"]])
def test_what_came_in_and_was_taken_back_is_not_landed(
    cloned: Cloned, elsewhere: Path, way: list[str]
) -> None:
    sha = work(cloned.root, {"a.txt": "a\n"})
    git(cloned.root, "push", "-q", "origin", "work")
    git(elsewhere, "fetch", "-q")
    git(elsewhere, *way)
    git(elsewhere, "commit", "-q", "--allow-empty", "-m", "Fix it (#7)")
    git(elsewhere, "revert", "--no-edit", "HEAD" if way[0] == "merge" else "HEAD~1")

    assert not _is_landed(cloned, elsewhere, sha)


def test_what_a_merge_commit_of_the_branch_adds_counts(cloned: Cloned, elsewhere: Path) -> None:
    # Given a branch whose own commit is in the base, and a merge of it that adds something
    work(cloned.root, {"a.txt": "a\n"})
    place = cloned.root.parent / "tree-work"
    commit(cloned.root, "b.txt", "b\n")
    git(place, "merge", "-q", "--no-commit", "main")
    (place / "evil.txt").write_text("e\n")
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", "merge main")
    git(place, "push", "-q", "origin", "work", "main")
    git(elsewhere, "pull", "-q", "--rebase")
    git(elsewhere, "cherry-pick", "origin/work^1")

    assert not _is_landed(cloned, elsewhere, git(place, "rev-parse", "HEAD"))


def test_histories_that_have_nothing_in_common_are_not_landed(cloned: Cloned, tmp_path: Path) -> None:
    git(cloned.root, "checkout", "-q", "--orphan", "other")
    sha = commit(cloned.root, "other.txt", "o\n")
    base = git(cloned.root, "rev-parse", "origin/main")

    assert not is_landed(find_repository(cloned.root), sha, base)


def test_looking_leaves_no_reference_behind(cloned: Cloned, elsewhere: Path) -> None:
    sha = _pushed_work(cloned)
    refs = git(cloned.root, "for-each-ref")
    repo: Repository = cloned.repo

    is_landed(repo, sha, git(cloned.root, "rev-parse", "origin/main"))

    assert git(cloned.root, "for-each-ref") == refs
