from __future__ import annotations

from pathlib import Path

import pytest

from aios_app.git.fast_forward import fast_forward
from aios_app.git.repository import find_repository
from aios_app.git.targets import Target, fetch_target
from tests.integration.git_fixtures import (
    Cloned,
    cloned,
    commit,
    git,
    make_repository,
    push_from_elsewhere,
    quiet_git,
)
from tests.integration.landing_fixtures import MAIN, PERSON, hook, work

__all__ = ["cloned", "quiet_git"]
pytestmark = pytest.mark.usefixtures("quiet_git")

LOCAL = Target(branch="main", remote="")


@pytest.fixture
def landed(cloned: Cloned, tmp_path: Path) -> str:
    """A commit that origin's main is at, and the person's is not."""
    push_from_elsewhere(cloned, tmp_path)
    return fetch_target(cloned.repo, MAIN, PERSON, timeout_s=10)


def _files(root: Path, *own: str) -> dict[str, tuple[bytes, int]]:
    """Every file of a checkout, with these of git's own."""
    files = [path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts]
    paths = [*files, *(root / ".git" / name for name in own)]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def _main(cloned: Cloned) -> str:
    return git(cloned.root, "rev-parse", "main")


def test_a_clean_checkout_is_moved_and_no_hook_runs(cloned: Cloned, landed: str, tmp_path: Path) -> None:
    hook(cloned.root / ".git/hooks", "post-merge", f"touch {tmp_path}/ran")
    (cloned.root / "mine.txt").write_text("untracked")

    said = fast_forward(cloned.repo, MAIN, landed, allows_edits=False)

    assert said == f"your main is at {landed[:7]} ({cloned.root})"
    assert _main(cloned) == landed
    assert (cloned.root / "news.txt").read_text() == "news\n"
    assert git(cloned.root, "status", "--porcelain") == "?? mine.txt"
    assert not (tmp_path / "ran").exists()
    assert fast_forward(cloned.repo, MAIN, landed, allows_edits=False) == ""


@pytest.mark.parametrize("is_staged", [False, True])
def test_a_checkout_with_edits_stays_byte_for_byte(cloned: Cloned, landed: str, *, is_staged: bool) -> None:
    (cloned.root / "README.md").write_text("half done")
    if is_staged:
        git(cloned.root, "add", "-A")
    (cloned.root / "mine.txt").write_text("untracked")
    before, at = _files(cloned.root, "HEAD", "index"), _main(cloned)

    said = fast_forward(cloned.repo, MAIN, landed, allows_edits=False)

    assert said == "your checkout has edits, so main there was not moved: git pull when ready"
    assert (_files(cloned.root, "HEAD", "index"), _main(cloned)) == (before, at)


def test_an_untracked_file_in_the_way_stays(cloned: Cloned, landed: str) -> None:
    (cloned.root / "news.txt").write_text("mine")
    before, at = _files(cloned.root), _main(cloned)

    said = fast_forward(cloned.repo, MAIN, landed, allows_edits=False)

    assert said.startswith("your main was not moved (")
    assert said.endswith(" news.txt): git pull when ready")
    assert (_files(cloned.root), _main(cloned)) == (before, at)


@pytest.mark.parametrize("allows_edits", [True, False])
def test_an_ignored_file_in_the_way_stays(cloned: Cloned, landed: str, *, allows_edits: bool) -> None:
    (cloned.repo.git_dir / "info" / "exclude").write_text("news.txt\n")
    (cloned.root / "news.txt").write_text("mine")
    before, at = _files(cloned.root), _main(cloned)

    said = fast_forward(cloned.repo, MAIN, landed, allows_edits=allows_edits)

    assert said.startswith("your main was not moved (")
    assert (_files(cloned.root), _main(cloned)) == (before, at)


def test_a_branch_with_commits_of_its_own_is_left_alone(cloned: Cloned, landed: str) -> None:
    mine = commit(cloned.root, "mine.txt", "m")

    said = fast_forward(cloned.repo, MAIN, landed, allows_edits=False)

    assert said == "your main has commits of its own, so it was not moved: git pull when ready"
    assert _main(cloned) == mine


def test_a_branch_that_is_checked_out_nowhere_is_moved(cloned: Cloned, landed: str) -> None:
    git(cloned.root, "checkout", "-q", "-b", "feature")
    (cloned.root / "README.md").write_text("half done")

    said = fast_forward(cloned.repo, MAIN, landed, allows_edits=False)

    assert said == f"your main is at {landed[:7]}"
    assert _main(cloned) == landed
    assert git(cloned.root, "status", "--porcelain") == "M README.md"


def test_a_branch_that_does_not_exist_here_is_not_made(cloned: Cloned, landed: str) -> None:
    git(cloned.root, "checkout", "-q", "-b", "feature")
    git(cloned.root, "branch", "-q", "-D", "main")

    assert fast_forward(cloned.repo, MAIN, landed, allows_edits=False) == ""
    assert git(cloned.root, "branch", "--list", "main") == ""


def test_the_worktree_that_has_the_branch_is_moved_with_it(
    cloned: Cloned, landed: str, tmp_path: Path
) -> None:
    git(cloned.root, "checkout", "-q", "-b", "feature")
    git(cloned.root, "worktree", "add", "-q", str(tmp_path / "Süd tree"), "main")

    fast_forward(cloned.repo, MAIN, landed, allows_edits=False)

    assert (tmp_path / "Süd tree" / "news.txt").exists()
    assert git(tmp_path / "Süd tree", "status", "--porcelain") == ""
    assert not (cloned.root / "news.txt").exists()


def test_a_branch_in_the_middle_of_a_rebase_is_left_alone(cloned: Cloned, landed: str) -> None:
    at = _main(cloned)
    git(cloned.root, "-c", "sequence.editor=echo break >", "rebase", "-q", "-i", "HEAD")

    said = fast_forward(cloned.repo, MAIN, landed, allows_edits=False)

    assert said == "a rebase or bisect of your main is under way, so it was not moved: git pull when ready"
    assert _main(cloned) == at
    git(cloned.root, "rebase", "--continue")


def test_a_locked_index_is_said_and_nothing_fails(cloned: Cloned, landed: str) -> None:
    (cloned.root / ".git/index.lock").touch()
    at = _main(cloned)

    said = fast_forward(cloned.repo, MAIN, landed, allows_edits=False)

    assert "index.lock" in said
    assert _main(cloned) == at


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A repository without a remote, whose person is in the middle of something."""
    root = make_repository(tmp_path / "alone").root
    commit(root, "other.txt", "o\n")
    (root / "other.txt").write_text("half done\n")
    return root


def test_without_a_remote_edits_of_other_files_stay_and_the_next_commit_undoes_nothing(
    alone: Path,
) -> None:
    sha = work(alone, {"a.txt": "a\n"}, start="main")
    fast_forward(find_repository(alone), LOCAL, sha, allows_edits=True)
    git(alone, "commit", "-q", "-a", "-m", "mine")

    assert git(alone, "show", "--format=", "--name-only", "HEAD") == "other.txt"
    assert git(alone, "ls-tree", "--name-only", "HEAD").split() == ["README.md", "a.txt", "other.txt"]


def test_without_a_remote_git_refuses_what_would_overwrite_edits(alone: Path) -> None:
    sha = work(alone, {"other.txt": "theirs\n"}, start="main")
    before = _files(alone)

    said = fast_forward(find_repository(alone), LOCAL, sha, allows_edits=True)

    assert said.startswith("your main was not moved (")
    assert _files(alone) == before
    assert git(alone, "rev-parse", "main") != sha
