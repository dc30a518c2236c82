from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError, GitError, UsageError
from aios_app.git.base import resolve_base
from aios_app.git.repository import Repository, find_repository
from aios_app.git.worktrees import (
    add_worktree,
    discard_worktree,
    read_metadata,
    repository_lock,
    write_metadata,
)
from tests.integration.git_fixtures import Cloned, cloned, commit, git, make_clone, make_repository, quiet_git

__all__ = ["cloned", "quiet_git"]
pytestmark = pytest.mark.usefixtures("quiet_git")

BRANCH = "aios/7-fix"


def _head(repo: Repository) -> str:
    return git(repo.root, "rev-parse", "HEAD")


def _state(repo: Repository) -> tuple[str, list[str], list[str]]:
    """Everything that a failed creation could leave behind."""
    entries = sorted(path.name for path in (repo.git_dir / "worktrees").glob("*"))
    marks = sorted(path.name for path in repo.git_dir.glob("aios-*"))
    return git(repo.root, "for-each-ref"), entries, marks


@pytest.mark.parametrize("name", ["plain", "Süd $HOME `id` $(touch x) 日本 🙂", "-leading"])
def test_a_worktree_is_made_of_the_commit_on_its_own_branch(
    cloned: Cloned, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "trees" / name
    sha = _head(cloned.repo)
    commit(cloned.root, "later.txt", "later")

    add_worktree(cloned.repo, path=path, branch=BRANCH, sha=sha)

    assert git(path, "rev-parse", "HEAD") == sha
    assert git(path, "symbolic-ref", "HEAD") == f"refs/heads/{BRANCH}"
    assert (path / "README.md").read_text() == "one\n"
    assert not (path / "later.txt").exists()
    assert git(cloned.root, "config", "--get-regexp", "^branch") == git(
        cloned.root, "config", "--get-regexp", "^branch.main"
    )
    assert _state(cloned.repo)[2] == []


def test_the_persons_checkout_is_as_it_was(cloned: Cloned, tmp_path: Path) -> None:
    (cloned.root / "README.md").write_text("half done")
    files = [
        cloned.root / "README.md",
        cloned.root / ".git/index",
        cloned.root / ".git/config",
        cloned.root / ".git/HEAD",
    ]
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]

    add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=_head(cloned.repo))

    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before


def test_a_hook_of_the_repository_does_not_run(cloned: Cloned, tmp_path: Path) -> None:
    hook = cloned.root / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)

    add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=_head(cloned.repo))

    assert not (tmp_path / "ran").exists()


def test_doing_it_again_keeps_what_is_there(cloned: Cloned, tmp_path: Path) -> None:
    sha = _head(cloned.repo)
    add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=sha)
    mine = commit(tmp_path / "w", "work.txt", "work")

    add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=sha)

    assert git(tmp_path / "w", "rev-parse", "HEAD") == mine


@pytest.mark.parametrize("away", [["-b", "other"], ["--detach"]])
def test_a_worktree_whose_agent_went_to_another_branch_is_still_ours(
    cloned: Cloned, tmp_path: Path, away: list[str]
) -> None:
    sha = _head(cloned.repo)
    add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=sha)
    write_metadata(tmp_path / "w", {"branch": BRANCH})
    git(tmp_path / "w", "checkout", "-q", *away)

    add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=sha)

    with pytest.raises(ConflictError, match="exists already"):
        add_worktree(cloned.repo, path=tmp_path / "w", branch="aios/8-other", sha=sha)


def test_a_directory_of_someone_else_is_left_alone(cloned: Cloned, tmp_path: Path) -> None:
    sha = _head(cloned.repo)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years")
    git(cloned.root, "worktree", "add", "-q", "-b", "other", str(tmp_path / "other"))
    make_repository(tmp_path / "repo")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    before = _state(cloned.repo)

    for name in ("mine", "other", "repo", "link"):
        with pytest.raises(ConflictError, match="exists already"):
            add_worktree(cloned.repo, path=tmp_path / name, branch=BRANCH, sha=sha)

    assert (tmp_path / "mine/thesis.txt").read_text() == "years"
    assert _state(cloned.repo) == before


def test_a_branch_of_someone_else_is_left_alone(cloned: Cloned, tmp_path: Path) -> None:
    git(cloned.root, "branch", BRANCH)
    before = _state(cloned.repo)

    with pytest.raises(ConflictError, match=f"branch {BRANCH} exists already"):
        add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=_head(cloned.repo))

    assert _state(cloned.repo) == before
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("branch", ["-x", "a..b", "a b", "x.lock", "--force"])
def test_a_branch_that_git_does_not_allow_leaves_nothing(cloned: Cloned, tmp_path: Path, branch: str) -> None:
    before = _state(cloned.repo)

    with pytest.raises((GitError, UsageError)):
        add_worktree(cloned.repo, path=tmp_path / "w", branch=branch, sha=_head(cloned.repo))

    assert _state(cloned.repo) == before
    assert not (tmp_path / "w").exists()


def test_a_base_that_is_no_commit_is_refused(cloned: Cloned, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha="--detach")


def _with_filter(cloned: Cloned, command: str) -> str:
    """A commit whose checkout runs ``command``."""
    git(cloned.root, "config", "filter.slow.smudge", command)
    commit(cloned.root, ".gitattributes", "*.bin filter=slow\n")
    return commit(cloned.root, "a.bin", "data")


@pytest.mark.parametrize("command", ["sleep 60", "trap '' TERM; sleep 60"])
def test_a_creation_that_hangs_ends_at_the_limit_and_leaves_nothing(
    cloned: Cloned, tmp_path: Path, command: str
) -> None:
    sha = _with_filter(cloned, command)
    before = _state(cloned.repo)

    with pytest.raises(GitError, match=r"took longer than 0\.5 s"):
        add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=sha, timeout_s=0.5)

    assert _state(cloned.repo) == before
    assert not (tmp_path / "w").exists()


def test_a_disk_that_is_full_leaves_nothing(cloned: Cloned, tmp_path: Path) -> None:
    # Given a file that is larger than what this process and its children may write
    (cloned.root / "large.bin").write_bytes(os.urandom(600_000))
    git(cloned.root, "add", "large.bin")
    git(cloned.root, "commit", "-qm", "large")
    before = _state(cloned.repo)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(GitError):
            add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=_head(cloned.repo))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert _state(cloned.repo) == before
    assert not (tmp_path / "w").exists()


def test_a_full_disk_while_files_are_copied_leaves_nothing(cloned: Cloned, tmp_path: Path) -> None:
    (cloned.root / ".git/info/exclude").write_text("*.env\n")
    (cloned.root / ".worktreeinclude").write_text("*.env\n")
    (cloned.root / "large.env").write_bytes(b"x" * 600_000)
    before = _state(cloned.repo)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, limits[1]))
    try:
        with pytest.raises(GitError, match="File too large"):
            add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=_head(cloned.repo))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert _state(cloned.repo) == before
    assert not (tmp_path / "w").exists()


def _start_creation(repo: Repository, path: Path, sha: str) -> subprocess.Popen[bytes]:
    """A worker of its own that makes the worktree."""
    code = (
        "import sys; from pathlib import Path; from aios_app.git.repository import find_repository; "
        "from aios_app.git.worktrees import add_worktree; "
        "add_worktree(find_repository(Path(sys.argv[1])), path=Path(sys.argv[2]), "
        "branch=sys.argv[3], sha=sys.argv[4])"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(repo.root), str(path), BRANCH, sha])


def test_what_a_killed_worker_left_half_made_is_made_anew_after_its_git_has_ended(
    cloned: Cloned, tmp_path: Path
) -> None:
    # Given a worker that is killed while its git checks out, and a git that lives on for a while
    begun, go_on = tmp_path / "begun", tmp_path / "go on"
    os.mkfifo(begun)
    os.mkfifo(go_on)
    script = tmp_path / "filter"
    script.write_text(f"#!/bin/sh\n[ -p '{begun}' ] && {{ echo > '{begun}'; cat '{go_on}'; }}\ncat\n")
    script.chmod(0o755)
    sha = _with_filter(cloned, str(script))
    worker = _start_creation(cloned.repo, tmp_path / "w", sha)
    begun.read_text()
    begun.unlink()
    worker.kill()
    worker.wait()

    # When the task comes again while that git still works
    with ThreadPoolExecutor() as pool:
        again = pool.submit(add_worktree, cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=sha)
        with pytest.raises(TimeoutError):
            again.result(timeout=0.3)
        go_on.write_text("")
        again.result(timeout=5)

    # Then there is one whole worktree
    assert git(tmp_path / "w", "status", "--porcelain") == ""
    assert len(_state(cloned.repo)[1]) == 1
    assert _state(cloned.repo)[2] == []


@pytest.mark.parametrize("step", ["mark", "branch", "entry", "no gitdir", "files"])
def test_a_crash_at_any_step_is_repaired_by_the_next_attempt(
    cloned: Cloned, tmp_path: Path, step: str
) -> None:
    # Given what a crash after that step leaves, made by a creation that dies at its end
    path, sha = tmp_path / "w", _head(cloned.repo)
    _crash_at_the_end(cloned, path, sha)
    entry = cloned.repo.git_dir / "worktrees/w"
    if step in ("mark", "branch"):
        git(cloned.root, "worktree", "remove", "--force", str(path))
    if step == "mark":
        git(cloned.root, "branch", "-D", BRANCH)
    if step == "entry":
        subprocess.run(["rm", "-r", str(path)], check=True)
    if step == "no gitdir":
        (entry / "gitdir").unlink()
        (path / ".git").unlink()
    if step == "files":
        (path / "README.md").unlink()
        (entry / "locked").touch()

    add_worktree(cloned.repo, path=path, branch=BRANCH, sha=sha)

    assert git(path, "status", "--porcelain", "--branch") == f"## {BRANCH}"
    assert _state(cloned.repo)[1:] == (["w"], [])


def _crash_at_the_end(cloned: Cloned, path: Path, sha: str) -> None:
    """All is made but the last file, at which the worker dies."""
    os.mkfifo(path.parent / "pipe")
    (cloned.root / ".git/info/exclude").write_text("last\n")
    (cloned.root / ".worktreeinclude").write_text("last\n")
    (cloned.root / "last").write_text("last")
    worker = multiprocessing.get_context("fork").Process(target=_die_in_copy, args=(cloned.repo, path, sha))
    worker.start()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL
    (cloned.root / ".worktreeinclude").unlink()


def _die_in_copy(repo: Repository, path: Path, sha: str) -> None:
    def die(event: str, _: object) -> None:
        if event == "shutil.copyfile":
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(die)
    add_worktree(repo, path=path, branch=BRANCH, sha=sha)


def test_work_is_never_taken_for_a_half_made_worktree(cloned: Cloned, tmp_path: Path) -> None:
    # Given two whole worktrees whose marks came back from the dead, one with metadata and one with a commit
    sha = _head(cloned.repo)
    _crash_at_the_end(cloned, tmp_path / "w", sha)
    (tmp_path / "w/draft.txt").write_text("work")
    write_metadata(tmp_path / "w", {"job": 7})

    add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=sha)

    assert (tmp_path / "w/draft.txt").read_text() == "work"
    assert _state(cloned.repo)[2] == []


def test_commits_are_never_taken_for_a_half_made_worktree(cloned: Cloned, tmp_path: Path) -> None:
    sha = _head(cloned.repo)
    _crash_at_the_end(cloned, tmp_path / "w", sha)
    commit(tmp_path / "w", "work.txt", "work")

    with pytest.raises(ConflictError, match="has commits"):
        add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=sha)

    assert (tmp_path / "w/work.txt").read_text() == "work"


def test_eight_threads_make_eight_worktrees_of_one_repository(cloned: Cloned, tmp_path: Path) -> None:
    sha = _head(cloned.repo)
    everyone = threading.Barrier(8)

    def make(number: int) -> None:
        everyone.wait()
        with repository_lock(tmp_path / "locks", cloned.repo):
            add_worktree(cloned.repo, path=tmp_path / f"w{number}", branch=f"aios/{number}", sha=sha)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(8)))

    assert len(git(cloned.root, "worktree", "list").splitlines()) == 9


def test_the_lock_is_held_by_one_at_a_time_and_freed_by_death(cloned: Cloned, tmp_path: Path) -> None:
    # Given another process that holds the lock
    context = multiprocessing.get_context("fork")
    held = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path, cloned.repo, held))
    holder.start()
    assert held.wait(5)
    taken = threading.Event()

    def take() -> None:
        with repository_lock(tmp_path, cloned.repo):
            taken.set()

    thread = threading.Thread(target=take)
    thread.start()

    # Then it is had only when that process is dead
    assert not taken.wait(0.2)
    holder.kill()
    assert taken.wait(5)
    thread.join()
    holder.join()
    holder.close()


def _hold(folder: Path, repo: Repository, held: threading.Event) -> None:
    with repository_lock(folder, repo):
        held.set()
        signal.pause()


def test_submodules_are_there(cloned: Cloned, tmp_path: Path) -> None:
    inner = make_clone(tmp_path, "inner")
    git(cloned.root, "submodule", "add", "-q", str(inner.origin), "lib")
    git(cloned.root, "commit", "-qm", "lib")

    add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=_head(cloned.repo))

    assert (tmp_path / "w/lib/README.md").read_text() == "one\n"


def test_a_submodule_that_cannot_be_cloned_leaves_nothing(cloned: Cloned, tmp_path: Path) -> None:
    inner = make_clone(tmp_path, "inner")
    git(cloned.root, "submodule", "add", "-q", str(inner.origin), "lib")
    git(cloned.root, "commit", "-qm", "lib")
    inner.origin.rename(tmp_path / "gone")
    before = _state(cloned.repo)

    with pytest.raises(GitError, match="git submodule failed"):
        add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=_head(cloned.repo))

    assert _state(cloned.repo) == before
    assert not (tmp_path / "w").exists()


def test_ignored_files_that_the_person_named_are_copied_as_they_are(cloned: Cloned, tmp_path: Path) -> None:
    # Given ignored files, some of them named, and a named one that is not ignored
    root = cloned.root
    (root / ".worktreeinclude").write_text("# what agents need\n*.env\n/conf/*\n!/conf/big.txt\nnotes.txt\n")
    commit(root, ".gitignore", "*.env\nconf/\nbuild/\n")
    (root / "conf/Ä b").mkdir(parents=True)
    (root / "a.env").write_text("KEY=1")
    (root / "a.env").chmod(0o600)
    (root / "conf/Ä b/run.sh").write_text("run")
    (root / "conf/Ä b/run.sh").chmod(0o755)
    (root / "conf/link").symlink_to("/etc/passwd")
    (root / "build").mkdir()
    for name in ("notes.txt", "build/out.o", "conf/big.txt"):
        (root / name).write_text("no")

    add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=_head(cloned.repo))

    copied = {
        str(path.relative_to(tmp_path / "w")) for path in (tmp_path / "w").rglob("*") if not path.is_dir()
    }
    assert copied == {".git", ".gitignore", "README.md", "a.env", "conf/Ä b/run.sh", "conf/link"}
    assert (tmp_path / "w/a.env").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "w/conf/Ä b/run.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "w/conf/link").readlink() == Path("/etc/passwd")


def test_nothing_is_copied_out_of_the_worktree_through_a_link_of_the_commit(
    cloned: Cloned, tmp_path: Path
) -> None:
    # Given a commit in which conf leads outside, and a checkout in which it is a directory
    (tmp_path / "outside").mkdir()
    (cloned.root / "conf").symlink_to(tmp_path / "outside")
    git(cloned.root, "add", "conf")
    git(cloned.root, "commit", "-qm", "conf")
    sha = _head(cloned.repo)
    git(cloned.root, "rm", "-q", "conf")
    (cloned.root / "conf").mkdir()
    (cloned.root / "conf/x.env").write_text("evil")
    (cloned.root / ".git/info/exclude").write_text("conf\n")
    (cloned.root / ".worktreeinclude").write_text("conf\n")

    with pytest.raises(GitError, match="through a link"):
        add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=sha)

    assert list((tmp_path / "outside").iterdir()) == []
    assert not (tmp_path / "w").exists()


def test_a_file_that_the_commit_has_is_not_overwritten(cloned: Cloned, tmp_path: Path) -> None:
    sha = commit(cloned.root, "a.env", "of the commit")
    git(cloned.root, "rm", "-q", "--cached", "a.env")
    (cloned.root / "a.env").write_text("of the checkout")
    (cloned.root / ".git/info/exclude").write_text("*.env\n")
    (cloned.root / ".worktreeinclude").write_text("*.env\n")

    add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=sha)

    assert (tmp_path / "w/a.env").read_text() == "of the commit"


def test_worktrees_of_bare_repositories_and_detached_checkouts_are_made(
    cloned: Cloned, tmp_path: Path
) -> None:
    git(cloned.root, "checkout", "-q", "--detach")

    for repo in (find_repository(cloned.origin), find_repository(cloned.root)):
        path = tmp_path / f"of-{repo.root.name}"
        add_worktree(repo, path=path, branch=BRANCH, sha=resolve_base(repo).sha)
        assert (path / "README.md").exists()


def test_a_worktree_in_which_nothing_was_done_is_discarded(cloned: Cloned, tmp_path: Path) -> None:
    sha, before = _head(cloned.repo), _state(cloned.repo)
    add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=sha)
    write_metadata(tmp_path / "w", {"job": 7})

    assert discard_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, base_sha=sha)
    assert _state(cloned.repo) == before
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    "work", ["committed", "changed", "staged", "untracked", "detached", "locked", "other branch"]
)
def test_a_worktree_with_work_in_it_is_not_discarded(cloned: Cloned, tmp_path: Path, work: str) -> None:
    # Given a worktree in which something was done
    path, sha = tmp_path / "w", _head(cloned.repo)
    add_worktree(cloned.repo, path=path, branch=BRANCH, sha=sha)
    if work == "committed":
        commit(path, "work.txt", "work")
    if work in ("changed", "staged"):
        (path / "README.md").write_text("work")
    if work == "staged":
        git(path, "add", "README.md")
    if work == "untracked":
        (path / "new.txt").write_text("work")
    if work == "detached":
        git(path, "checkout", "-q", "--detach")
    if work == "locked":
        git(cloned.root, "worktree", "lock", str(path))
    if work == "other branch":
        git(path, "checkout", "-q", "-b", "another")
    before = _state(cloned.repo), git(path, "status", "--porcelain")

    assert not discard_worktree(cloned.repo, path=path, branch=BRANCH, base_sha=sha)
    assert (_state(cloned.repo), git(path, "status", "--porcelain")) == before


def test_the_main_worktree_and_directories_of_others_are_never_discarded(
    cloned: Cloned, tmp_path: Path
) -> None:
    sha = _head(cloned.repo)
    other = make_repository(tmp_path / "other")

    for path in (cloned.root, other.root, tmp_path, tmp_path / "gone"):
        assert not discard_worktree(cloned.repo, path=path, branch="main", base_sha=sha)

    assert (cloned.root / "README.md").exists()


def test_metadata_is_read_back_and_is_no_part_of_the_worktree(cloned: Cloned, tmp_path: Path) -> None:
    path = tmp_path / "w"
    add_worktree(cloned.repo, path=path, branch=BRANCH, sha=_head(cloned.repo))

    assert read_metadata(path) is None
    write_metadata(path, {"job": 7, "project": "Süd"})
    write_metadata(path, {"job": 8, "project": "Süd"})

    assert read_metadata(path) == {"job": 8, "project": "Süd"}
    assert git(path, "status", "--porcelain") == ""
    assert [file.name for file in (cloned.repo.git_dir / "worktrees/w").glob("aios*")] == ["aios.json"]


@pytest.mark.parametrize("text", ["", "{", "[1]", "\0"])
def test_metadata_that_someone_spoilt_is_none(cloned: Cloned, tmp_path: Path, text: str) -> None:
    add_worktree(cloned.repo, path=tmp_path / "w", branch=BRANCH, sha=_head(cloned.repo))
    (cloned.repo.git_dir / "worktrees/w/aios.json").write_text(text)

    assert read_metadata(tmp_path / "w") is None
    assert read_metadata(tmp_path) is None


def test_metadata_of_what_is_no_worktree_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="is not a git worktree"):
        write_metadata(tmp_path, {})
