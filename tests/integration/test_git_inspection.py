from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aios_app.domain.errors import GitError, UsageError
from aios_app.git.repository import find_repository
from aios_app.git.worktrees import DiffSize, add_worktree, diff_size, list_worktrees, write_metadata
from tests.integration.git_fixtures import Cloned, cloned, commit, git, make_repository, quiet_git

__all__ = ["cloned", "quiet_git"]
pytestmark = pytest.mark.usefixtures("quiet_git")


def _index(worktree: Path) -> tuple[bytes, int]:
    path = Path(git(worktree, "rev-parse", "--absolute-git-dir")) / "index"
    return path.read_bytes(), path.stat().st_mtime_ns


def test_the_size_of_a_change_counts_what_is_committed_staged_changed_and_new(
    cloned: Cloned, tmp_path: Path
) -> None:
    # Given work of every kind since the base
    base, root = git(cloned.root, "rev-parse", "HEAD"), cloned.root
    commit(root, ".gitignore", "*.log\n")
    commit(root, "committed.txt", "1\n2\n")
    (root / "staged.txt").write_text("1\n")
    git(root, "add", "staged.txt")
    (root / "README.md").write_text("two\nthree\n")
    (root / "new Ä\nname.txt").write_text("1\n2\nno newline at the end")
    (root / "empty").touch()
    (root / "image.png").write_bytes(b"\x89PNG\0\n\n\n")
    (root / "link").symlink_to("/etc/passwd")
    (root / "ignored.log").write_text("1\n")
    before = _index(root)

    size = diff_size(root, base)

    # Then .gitignore, committed, staged, README, new, empty, image and link are counted
    assert size == DiffSize(files=8, added=1 + 2 + 1 + 2 + 3, removed=1)
    assert _index(root) == before


def test_a_file_that_was_moved_is_one_file_without_lines(cloned: Cloned) -> None:
    base = commit(cloned.root, "long.txt", "line\n" * 500)
    git(cloned.root, "mv", "long.txt", "moved.txt")

    assert diff_size(cloned.root, base) == DiffSize(files=1, added=0, removed=0)


def test_no_change_is_nothing_also_where_files_were_touched(cloned: Cloned) -> None:
    (cloned.root / "README.md").write_text("one\n")

    assert diff_size(cloned.root, git(cloned.root, "rev-parse", "HEAD")) == DiffSize(
        files=0, added=0, removed=0
    )


def test_a_repository_inside_of_the_worktree_is_one_file(cloned: Cloned) -> None:
    make_repository(cloned.root / "vendor")

    assert diff_size(cloned.root, git(cloned.root, "rev-parse", "HEAD")).files == 1


def test_no_program_of_the_repository_runs_for_a_size(cloned: Cloned, tmp_path: Path) -> None:
    base = git(cloned.root, "rev-parse", "HEAD")
    for key in ("diff.external", "core.fsmonitor", "diff.x.textconv"):
        git(cloned.root, "config", key, f"touch '{tmp_path}/ran'; false")
    (cloned.root / ".gitattributes").write_text("* diff=x\n")
    (cloned.root / "README.md").write_text("two\n")

    assert diff_size(cloned.root, base).files == 2
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("base", ["--output=x", "", "HEAD"])
def test_a_size_is_against_a_commit(cloned: Cloned, base: str) -> None:
    with pytest.raises(UsageError):
        diff_size(cloned.root, base)


def test_a_size_against_a_commit_that_is_gone_is_an_error(cloned: Cloned, tmp_path: Path) -> None:
    with pytest.raises(GitError):
        diff_size(cloned.root, "0123456789" * 4)
    with pytest.raises(GitError, match="is gone"):
        diff_size(tmp_path / "gone", "0123456789" * 4)


def test_worktrees_are_listed_with_what_stands_in_them(cloned: Cloned, tmp_path: Path) -> None:
    # Given one of AIOS with work in it, one of the person, and a base that has gone on
    base = git(cloned.root, "rev-parse", "HEAD")
    mine, other = tmp_path / "Süd x", tmp_path / "other"
    add_worktree(cloned.repo, path=mine, branch="aios/7-fix", sha=base)
    write_metadata(mine, {"job": 7})
    head = commit(mine, "a.txt", "1")
    (mine / "large.bin").write_bytes(b"x" * 300_000)
    git(cloned.root, "worktree", "add", "-q", "--detach", str(other))
    commit(cloned.root, "b.txt", "1")
    commit(cloned.root, "c.txt", "1")
    git(cloned.root, "push", "-q", "origin", "main")

    main, first, second = list_worktrees(find_repository(mine))

    assert (main.path, main.branch, main.is_main, main.ahead, main.is_dirty) == (
        cloned.root,
        "main",
        True,
        0,
        False,
    )
    assert (first.path, first.branch, first.head, first.is_main) == (mine, "aios/7-fix", head, False)
    assert (first.ahead, first.behind, first.is_dirty, first.metadata) == (1, 2, True, {"job": 7})
    assert 300_000 < first.disk_bytes < 400_000
    assert (second.path, second.branch, second.ahead, second.behind) == (other, "", 0, 2)
    assert (second.is_dirty, second.metadata, second.is_missing) == (False, None, False)


def test_a_worktree_that_is_missing_is_listed_as_such(cloned: Cloned, tmp_path: Path) -> None:
    add_worktree(cloned.repo, path=tmp_path / "w", branch="b", sha=git(cloned.root, "rev-parse", "HEAD"))
    shutil.rmtree(tmp_path / "w")

    missing = list_worktrees(cloned.repo)[1]

    assert (missing.is_missing, missing.branch, missing.is_dirty, missing.disk_bytes) == (True, "b", False, 0)


def test_worktrees_are_compared_with_the_base_that_is_asked_for(cloned: Cloned, tmp_path: Path) -> None:
    first = git(cloned.root, "rev-parse", "HEAD")
    commit(cloned.root, "a.txt", "1")

    assert list_worktrees(cloned.repo)[0].ahead == 1
    assert list_worktrees(cloned.repo, base="HEAD")[0].ahead == 0
    assert list_worktrees(cloned.repo, base=first)[0].ahead == 1


def test_the_worktrees_of_a_bare_repository_are_listed(cloned: Cloned, tmp_path: Path) -> None:
    git(cloned.origin, "worktree", "add", "-q", "-b", "side", str(tmp_path / "w"))

    main, linked = list_worktrees(find_repository(cloned.origin))

    assert (main.path, main.is_main, main.is_missing) == (cloned.origin, True, False)
    assert (linked.path, linked.branch) == (tmp_path / "w", "side")


def test_listing_touches_no_index(cloned: Cloned) -> None:
    (cloned.root / "README.md").touch()
    before = _index(cloned.root)

    list_worktrees(cloned.repo)

    assert _index(cloned.root) == before
