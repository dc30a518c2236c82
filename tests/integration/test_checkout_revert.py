"""``aios revert N``: the last commits of a person's branch, undone by new ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError, ExternalError, UsageError
from aios_app.git.metadata import git_dir_of
from aios_app.services.context import Context
from tests.integration.checkout_fixtures import Checkouts, hook, tip
from tests.integration.git_fixtures import Cloned, cloned, commit, git, make_repository, quiet_git

__all__ = ["cloned", "quiet_git"]


@pytest.fixture
def person(context: Context, quiet_git: None) -> Checkouts:
    return Checkouts(context)


def _merged(cloned: Cloned, name: str) -> str:
    """A landing: a branch of two commits, merged."""
    git(cloned.root, "switch", "-q", "-c", name)
    commit(cloned.root, f"{name}-1", "x\n")
    commit(cloned.root, f"{name}-2", "x\n")
    git(cloned.root, "switch", "-q", "main")
    git(cloned.root, "merge", "-q", "--no-ff", "-m", f"merge {name}", name)
    return git(cloned.root, "rev-parse", "HEAD")


def _files(root: Path) -> list[str]:
    return git(root, "ls-tree", "--name-only", "HEAD").split()


def test_a_merge_is_one_commit_and_the_commits_are_named_newest_first(
    person: Checkouts, cloned: Cloned
) -> None:
    plain = commit(cloned.root, "plain", "x\n")
    landing = _merged(cloned, "fix")

    answer = person.revert(cloned.root, 2, sure=False)

    assert answer["names"] == [f"{landing[:7]} merge fix", f"{plain[:7]} write plain"]
    assert answer["question"] == "Undo the last 2 commits of main in shop by 2 new commits?"
    assert git(cloned.root, "rev-parse", "HEAD") == landing


def test_each_is_undone_by_a_commit_of_its_own_and_nothing_is_pushed(
    person: Checkouts, cloned: Cloned
) -> None:
    commit(cloned.root, "plain", "x\n")
    landing = _merged(cloned, "fix")
    pushed = tip(cloned)

    answer = person.revert(cloned.root, 2)

    assert _files(cloned.root) == ["README.md"]
    assert git(cloned.root, "rev-list", "--first-parent", "--count", f"{landing}..HEAD") == "2"
    assert answer["steps"][-1].endswith("next: aios push")
    assert answer["sha"] == git(cloned.root, "rev-parse", "HEAD")
    assert tip(cloned) == pushed


def test_a_commit_without_a_change_is_passed_over(person: Checkouts, cloned: Cloned) -> None:
    commit(cloned.root, "a", "x\n")
    git(cloned.root, "commit", "-q", "--allow-empty", "-m", "empty")

    with pytest.raises(ConflictError, match="nothing to undo"):
        person.revert(cloned.root, 1)
    person.revert(cloned.root, 2)

    assert _files(cloned.root) == ["README.md"]
    assert git(cloned.root, "log", "-1", "--format=%s") == 'Revert "write a"'


@pytest.mark.parametrize("is_ignored", [False, True])
def test_a_file_in_the_way_leaves_everything_as_it_was(
    person: Checkouts, cloned: Cloned, *, is_ignored: bool
) -> None:
    (cloned.repo.git_dir / "info" / "exclude").write_text("gone\n" if is_ignored else "")
    (cloned.root / "gone").write_text("x\n")
    git(cloned.root, "add", "-f", "gone")
    git(cloned.root, "commit", "-q", "-m", "write gone")
    (cloned.root / "gone").unlink()
    git(cloned.root, "commit", "-q", "-a", "-m", "remove it")
    commit(cloned.root, "other", "x\n")
    before = git(cloned.root, "rev-parse", "HEAD")
    (cloned.root / "gone").write_text("mine\n")

    with pytest.raises(ConflictError, match="would be overwritten"):
        person.revert(cloned.root, 2)

    assert git(cloned.root, "rev-parse", "HEAD") == before
    assert (cloned.root / "gone").read_text() == "mine\n"
    assert git(cloned.root, "status", "--porcelain", "--ignored") == f"{'!!' if is_ignored else '??'} gone"
    assert not (git_dir_of(cloned.root) / "sequencer").exists()


def test_uncommitted_changes_are_named_and_kept(person: Checkouts, cloned: Cloned) -> None:
    (cloned.root / "README.md").write_text("mine\n")

    with pytest.raises(ConflictError, match=r"uncommitted changes in .*README.md.*git stash first"):
        person.revert(cloned.root, 1)

    assert (cloned.root / "README.md").read_text() == "mine\n"


def test_a_hook_that_refuses_is_obeyed(person: Checkouts, cloned: Cloned) -> None:
    commit(cloned.root, "a", "x\n")
    before = git(cloned.root, "rev-parse", "HEAD")
    hook(cloned.root, "prepare-commit-msg", "echo 'no ticket' >&2; exit 1")

    with pytest.raises(ExternalError, match="no ticket"):
        person.revert(cloned.root, 1)

    assert git(cloned.root, "rev-parse", "HEAD") == before
    assert git(cloned.root, "status", "--porcelain") == ""


def test_the_very_first_commit_can_be_undone_too(person: Checkouts, quiet_git: None, tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "alone")

    person.revert(repo.root, 1)

    assert _files(repo.root) == []


def test_more_than_there_are_is_wrong_usage(person: Checkouts, cloned: Cloned) -> None:
    with pytest.raises(UsageError, match="main has only 1 commit, not 3"):
        person.revert(cloned.root, 3)
    with pytest.raises(UsageError, match="at least 1"):
        person.revert(cloned.root, 0)


def test_where_history_is_cut_off_a_commit_is_not_taken_for_the_first(
    person: Checkouts, cloned: Cloned, tmp_path: Path
) -> None:
    commit(cloned.root, "a", "x\n")
    git(cloned.root, "push", "-q")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{cloned.origin}", "short")

    with pytest.raises(UsageError, match="git fetch --unshallow"):
        person.revert(tmp_path / "short", 1)

    assert _files(tmp_path / "short") == ["README.md", "a"]
