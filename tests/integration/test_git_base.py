from __future__ import annotations

import time
from pathlib import Path

import pytest

from aios_app.domain.errors import ProjectUnusable, UsageError
from aios_app.git.base import Base, fetch, resolve_base
from aios_app.git.repository import find_repository
from tests.integration.git_fixtures import (
    Cloned,
    cloned,
    commit,
    deaf_port,
    git,
    make_repository,
    push_from_elsewhere,
    quiet_git,
)

__all__ = ["cloned", "deaf_port", "quiet_git"]
pytestmark = pytest.mark.usefixtures("quiet_git")


def test_the_base_is_what_origin_has_after_a_fetch(cloned: Cloned, tmp_path: Path) -> None:
    news = push_from_elsewhere(cloned, tmp_path)

    why_not = fetch(cloned.repo, timeout_s=5)
    base = resolve_base(cloned.repo)

    assert why_not == ""
    assert (base.ref, base.sha, base.branch) == ("origin/main", news, "main")


def test_a_fetch_changes_nothing_of_the_persons_checkout(cloned: Cloned, tmp_path: Path) -> None:
    push_from_elsewhere(cloned, tmp_path)
    (cloned.root / "draft.txt").write_text("mine")
    before = _checkout_state(cloned.root)

    fetch(cloned.repo, timeout_s=5)
    resolve_base(cloned.repo)

    assert _checkout_state(cloned.root) == before
    assert not (cloned.root / ".git/FETCH_HEAD").exists()


def _checkout_state(root: Path) -> tuple[object, ...]:
    index = root / ".git/index"
    files = sorted((path.name, path.read_bytes()) for path in root.iterdir() if path.is_file())
    return (
        files,
        index.read_bytes(),
        index.stat().st_mtime_ns,
        (root / ".git/config").read_bytes(),
        git(root, "log"),
    )


def test_what_is_not_in_the_base_is_counted_and_said(cloned: Cloned) -> None:
    # Given two commits that are not pushed and three files that are not committed
    base_sha = git(cloned.root, "rev-parse", "HEAD")
    commit(cloned.root, "a b.txt", "1")
    commit(cloned.root, "c.txt", "1")
    (cloned.root / "c.txt").write_text("2")
    (cloned.root / "new\nline.txt").write_text("2")
    git(cloned.root, "mv", "README.md", "LIESMICH.md")

    base = resolve_base(cloned.repo)

    # Then a moved file is two, the old name and the new
    assert (base.sha, base.ahead, base.uncommitted) == (base_sha, 2, 4)
    assert base.sentence() == (
        f"base origin/main {base_sha[:7]}; your main is 2 ahead and 4 files are uncommitted: "
        "not included (--base HEAD)"
    )


@pytest.mark.parametrize(
    ("branch", "ahead", "uncommitted", "sentence"),
    [
        ("main", 0, 0, "base origin/main 3f2a9c1"),
        ("main", 1, 0, "base origin/main 3f2a9c1; your main is 1 ahead: not included (--base HEAD)"),
        ("side", 1, 0, "base origin/main 3f2a9c1; your main is 1 ahead: not included (--base main)"),
        ("main", 0, 1, "base origin/main 3f2a9c1; 1 file is uncommitted: not included"),
    ],
)
def test_the_sentence_leaves_out_what_is_zero(
    branch: str, ahead: int, uncommitted: int, sentence: str
) -> None:
    base = Base(ref="origin/main", sha="3f2a9c1" * 5, branch=branch, ahead=ahead, uncommitted=uncommitted)

    assert base.sentence() == sentence


def test_the_default_branch_of_origin_is_taken_whatever_its_name(cloned: Cloned) -> None:
    git(cloned.root, "push", "-q", "origin", "main:develop")
    git(cloned.root, "remote", "set-head", "origin", "develop")

    assert resolve_base(cloned.repo).ref == "origin/develop"


@pytest.mark.parametrize(
    ("branches", "expected"),
    [(("side", "main"), "origin/main"), (("side", "master"), "origin/master"), (("only",), "origin/only")],
)
def test_without_origin_head_the_usual_names_are_tried(
    cloned: Cloned, branches: tuple[str, ...], expected: str
) -> None:
    git(cloned.root, "remote", "set-head", "origin", "--delete")
    for branch in branches:
        git(cloned.root, "push", "-q", "origin", f"main:{branch}")
    if "main" not in branches:
        git(cloned.origin, "update-ref", "-d", "refs/heads/main")
        git(cloned.root, "fetch", "-q", "--prune", "origin")

    assert resolve_base(cloned.repo).ref == expected


def test_an_origin_head_that_leads_nowhere_is_passed_over(cloned: Cloned) -> None:
    git(cloned.root, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone")

    assert resolve_base(cloned.repo).ref == "origin/main"


def test_without_a_remote_the_base_is_what_is_checked_out(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "r")
    git(repo.root, "checkout", "-q", "-b", "side")

    assert fetch(repo, timeout_s=5) == ""
    assert resolve_base(repo).ref == "side"


def test_a_detached_head_without_a_remote_is_the_base(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "r")
    git(repo.root, "checkout", "-q", "--detach")

    base = resolve_base(repo)

    assert (base.ref, base.branch, base.sha) == ("HEAD", "", git(repo.root, "rev-parse", "HEAD"))


def test_a_bare_repository_has_a_base(cloned: Cloned) -> None:
    base = resolve_base(find_repository(cloned.origin))

    assert (base.ref, base.sha) == ("main", git(cloned.root, "rev-parse", "HEAD"))


def test_a_repository_without_a_commit_has_no_base(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "empty")

    with pytest.raises(ProjectUnusable, match="has no commit"):
        resolve_base(find_repository(tmp_path / "empty"))


def test_any_name_of_a_commit_can_be_the_base(cloned: Cloned) -> None:
    first = git(cloned.root, "rev-parse", "HEAD")
    git(cloned.root, "tag", "-a", "v1", "-m", "one")
    second = commit(cloned.root, "b", "2")

    found = {
        name: resolve_base(cloned.repo, name).sha for name in ("HEAD", "main", "v1", "HEAD~1", first[:9])
    }

    assert found == {"HEAD": second, "main": second, "v1": first, "HEAD~1": first, first[:9]: first}


def test_of_the_usual_base_origins_branch_counts_however_old_the_persons_own_is(
    cloned: Cloned, tmp_path: Path
) -> None:
    git(cloned.root, "branch", "develop")
    old = git(cloned.root, "rev-parse", "develop")
    news = push_from_elsewhere(cloned, tmp_path, "develop")
    fetch(cloned.repo, timeout_s=5)

    base = resolve_base(cloned.repo, usual="develop")

    assert (base.ref, base.sha) == ("origin/develop", news)
    assert resolve_base(cloned.repo, "develop", usual="main").sha == old
    git(cloned.root, "branch", "mine")
    assert resolve_base(cloned.repo, usual="mine").ref == "mine"


def test_a_branch_that_only_origin_has_can_be_the_base(cloned: Cloned, tmp_path: Path) -> None:
    news = push_from_elsewhere(cloned, tmp_path, "feature/x")
    fetch(cloned.repo, timeout_s=5)

    base = resolve_base(cloned.repo, "feature/x")

    assert (base.ref, base.sha) == ("origin/feature/x", news)


@pytest.mark.parametrize("wanted", ["--output=/tmp/x", "-h"])
def test_an_option_is_no_base(cloned: Cloned, wanted: str) -> None:
    with pytest.raises(UsageError, match="cannot be a base"):
        resolve_base(cloned.repo, wanted)


@pytest.mark.parametrize("wanted", ["no such", "$(touch x)", "a\0b", "main..HEAD"])
def test_a_base_that_does_not_exist_is_bad_input(cloned: Cloned, wanted: str) -> None:
    with pytest.raises(UsageError):
        resolve_base(cloned.repo, wanted)


def test_a_remote_that_never_answers_costs_no_more_than_the_limit(cloned: Cloned, deaf_port: int) -> None:
    git(cloned.root, "remote", "set-url", "origin", f"http://127.0.0.1:{deaf_port}/shop.git")

    begun = time.monotonic()
    why_not = fetch(cloned.repo, timeout_s=1)

    assert time.monotonic() - begun < 4
    assert why_not == "origin did not answer within 1 s: base is the last fetched state"
    assert resolve_base(cloned.repo).ref == "origin/main"


def test_a_remote_that_is_gone_is_told_in_one_line(cloned: Cloned) -> None:
    git(cloned.root, "remote", "set-url", "origin", "/nowhere/at all.git")

    why_not = fetch(cloned.repo, timeout_s=5)

    assert why_not == (
        "origin could not be fetched ('/nowhere/at all.git' does not appear to be a git repository): "
        "base is the last fetched state"
    )
