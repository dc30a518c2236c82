from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from aios_app.domain.errors import GitError
from aios_app.domain.landing import Strategy
from aios_app.git.committing import commit_all
from aios_app.git.fast_forward import fast_forward
from aios_app.git.merging import merge
from aios_app.git.pushing import push
from aios_app.git.repository import find_repository
from aios_app.git.scratch import Scratch, scratch
from aios_app.git.targets import fetch_target, landing_target, remote_has
from tests.integration.git_fixtures import Cloned, cloned, commit, git, quiet_git
from tests.integration.landing_fixtures import MAIN, MESSAGE, PERSON, hook, work

__all__ = ["cloned", "quiet_git"]
pytestmark = pytest.mark.usefixtures("quiet_git")

#: A landing as a worker does it, in a process of its own.
_LANDER = """
import sys
from pathlib import Path
from aios_app.domain.landing import Strategy
from aios_app.git.merging import merge
from aios_app.git.person import Person
from aios_app.git.repository import find_repository
from aios_app.git.scratch import scratch
root, place, base, source, strategy = sys.argv[1:]
with scratch(find_repository(Path(root)), Path(place), Person(), wait_s=5) as held:
    merge(held, base, source, Strategy(strategy), "landed", Person())
"""
_COMMITTER = """
import sys
from pathlib import Path
from aios_app.git.committing import commit_all
from aios_app.git.fast_forward import fast_forward
from aios_app.git.person import Person
commit_all(Path(sys.argv[1]), "work", Person())
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "landing" / "shop"


@contextmanager
def _held(cloned: Cloned, place: Path, wait_s: float = 5) -> Iterator[Scratch]:
    with scratch(cloned.repo, place, PERSON, wait_s=wait_s) as held:
        yield held


def _base(cloned: Cloned) -> str:
    return git(cloned.root, "rev-parse", "origin/main")


def test_the_scratch_is_made_once_and_later_only_what_differs_is_written(cloned: Cloned, place: Path) -> None:
    commit(cloned.root, ".gitignore", "*.o\n")
    sha = commit(cloned.root, "other.txt", "o\n")
    with _held(cloned, place) as held:
        held.check_out(sha, PERSON)
        (place / "built.o").write_text("built")
        before = (place / "README.md").stat().st_mtime_ns, (place / ".git").stat().st_ino

    with _held(cloned, place) as held:
        held.check_out(commit(cloned.root, "other.txt", "p\n"), PERSON)
        assert (place / "other.txt").read_text() == "p\n"

    assert ((place / "README.md").stat().st_mtime_ns, (place / ".git").stat().st_ino) == before
    assert (place / "built.o").exists()
    assert "locked" in git(cloned.root, "worktree", "list", "--porcelain")
    assert sorted(path.name for path in place.parent.iterdir()) == ["shop", "shop.lock"]


def test_what_a_check_command_did_there_reaches_no_branch_and_no_later_landing(
    cloned: Cloned, place: Path
) -> None:
    with _held(cloned, place) as held:
        held.check_out(_base(cloned), PERSON)
        git(place, "checkout", "-q", "-b", "theirs")
        theirs = commit(place, "left.txt", "l\n")
        (place / "README.md").write_text("edited")
        (place / "untracked").mkdir()
        git(place / "untracked", "init", "-q")

        held.check_out(_base(cloned), PERSON)

        assert sorted(path.name for path in place.iterdir()) == [".git", "README.md"]
        assert (place / "README.md").read_text() == "one\n"
        assert git(cloned.root, "rev-parse", "theirs") == theirs


def test_one_waits_for_the_other(cloned: Cloned, place: Path) -> None:
    order: list[str] = []
    with _held(cloned, place):
        with pytest.raises(GitError, match=r"another git holds .*shop\.lock"), _held(cloned, place, 0.1):
            pass
        thread = threading.Thread(target=lambda: _take(cloned, place, order))
        thread.start()
        order.append("first")
    thread.join()

    assert order == ["first", "second"]


def _take(cloned: Cloned, place: Path, order: list[str]) -> None:
    with _held(cloned, place):
        order.append("second")


@pytest.mark.parametrize("harm", ["gone", "no .git", "broken HEAD", "no index", "someone else's"])
def test_a_scratch_that_was_harmed_is_made_anew(cloned: Cloned, place: Path, harm: str) -> None:
    with _held(cloned, place) as held:
        held.check_out(_base(cloned), PERSON)
    entry = cloned.root / ".git/worktrees/shop"
    if harm == "gone":
        subprocess.run(["rm", "-r", str(place)], check=True)
    elif harm == "no .git":
        (place / ".git").unlink()
    elif harm == "broken HEAD":
        (entry / "HEAD").write_text("ref: refs/heads/nowhere\n")
    elif harm == "no index":
        (entry / "index").write_text("not an index")
    else:
        subprocess.run(["rm", "-r", str(place)], check=True)
        git(place.parent, "init", "-q", "shop")

    with _held(cloned, place) as held:
        sha = merge(held, _base(cloned), work(cloned.root, {"a.txt": "a\n"}), Strategy.MERGE, MESSAGE, PERSON)

        assert held.head() == sha
        assert git(place, "status", "--porcelain") == ""


def test_a_person_on_a_branch_without_a_commit_lands(cloned: Cloned, place: Path) -> None:
    source = work(cloned.root, {"a.txt": "a\n"})
    git(cloned.root, "checkout", "-q", "--orphan", "fresh")

    with _held(cloned, place) as held:
        sha = merge(held, _base(cloned), source, Strategy.MERGE, MESSAGE, PERSON)

        assert git(place, "ls-tree", "--name-only", sha).split() == ["README.md", "a.txt"]


def test_work_of_a_bare_repository_lands(cloned: Cloned, place: Path, tmp_path: Path) -> None:
    # Given a bare clone with a worktree, as some people work
    git(tmp_path, "clone", "-q", "--bare", str(cloned.origin), "bare.git")
    repo = find_repository(tmp_path / "bare.git")
    git(repo.root, "config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
    git(repo.root, "worktree", "add", "-q", "--no-track", "-b", "work", str(tmp_path / "tree"), "main")
    source = commit(tmp_path / "tree", "a.txt", "a\n")

    base = fetch_target(repo, MAIN, PERSON, timeout_s=10)
    with scratch(repo, place, PERSON, wait_s=5) as held:
        sha = merge(held, base, source, Strategy.MERGE, MESSAGE, PERSON)
        push(held, MAIN, sha, base, PERSON, timeout_s=10)

    assert landing_target(repo, "main") == MAIN
    assert remote_has(repo, MAIN, sha, PERSON, timeout_s=10)
    assert fast_forward(repo, MAIN, sha, allows_edits=False) == f"your main is at {sha[:7]}"


@pytest.fixture
def blocked(cloned: Cloned, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Base and branch whose merge stands still, until there is a file ``go``: both changed one file."""
    driver = f"touch {tmp_path}/reached; until test -e {tmp_path}/go; do sleep 0.02; done; cat %B >> %A"
    git(cloned.root, "config", "merge.slow.driver", driver)
    commit(cloned.root, ".gitattributes", "README.md merge=slow\n")
    git(cloned.root, "push", "-q", "origin", "main")
    source = work(cloned.root, {"README.md": "theirs\n"})
    base = commit(cloned.root, "README.md", "ours\n")
    yield base, source
    (tmp_path / "go").touch()


def _start(program: str, *args: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", program, *args], cwd=Path(__file__).parents[2])


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 8
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not come"
        time.sleep(0.01)


def _kill(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The process alone, as by the kernel; gives what it had started."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return children


@pytest.mark.parametrize("strategy", [Strategy.MERGE, Strategy.REBASE])
def test_the_git_of_a_killed_lander_is_waited_for(
    cloned: Cloned, place: Path, tmp_path: Path, blocked: tuple[str, str], strategy: Strategy
) -> None:
    # Given a lander that was killed in the middle of a merge, which goes on
    base, source = blocked
    process = _start(_LANDER, str(cloned.root), str(place), base, source, strategy)
    _wait_for(tmp_path / "reached")
    _kill(process)

    # Then nobody else gets in before it has ended
    with pytest.raises(GitError, match=r"another git holds .*shop\.busy"), _held(cloned, place, 0.2):
        pass
    (tmp_path / "go").touch()
    with _held(cloned, place) as held:
        sha = merge(held, base, source, strategy, MESSAGE, PERSON)
        assert held.head() == sha != base


@pytest.mark.parametrize("strategy", list(Strategy))
def test_after_a_crash_of_the_machine_in_the_middle_the_next_landing_goes_through(
    cloned: Cloned, place: Path, tmp_path: Path, blocked: tuple[str, str], strategy: Strategy
) -> None:
    # Given a lander killed with all its processes, whose locks stay
    base, source = blocked
    process = _start(_LANDER, str(cloned.root), str(place), base, source, strategy)
    _wait_for(tmp_path / "reached")
    for child in _kill(process):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    (cloned.root / ".git/worktrees/shop/index.lock").touch()
    (cloned.root / ".git/worktrees/shop/HEAD.lock").touch()
    (tmp_path / "go").touch()
    inode = place.stat().st_ino

    # When another lands, and then the same again
    with _held(cloned, place) as held:
        other = work(cloned.root, {"a.txt": "a\n"}, "other")
        first = merge(held, base, other, strategy, MESSAGE, PERSON)
        again = merge(held, first, source, strategy, MESSAGE, PERSON)

    # Then only the two are there, in the scratch that there was
    assert place.stat().st_ino == inode
    assert git(place, "diff", "--name-only", base, first) == "a.txt"
    assert git(place, "show", f"{again}:README.md") == "ours\ntheirs"
    assert git(place, "status", "--porcelain") == ""


def test_a_daemon_that_a_hook_leaves_behind_holds_up_no_one(
    cloned: Cloned, place: Path, tmp_path: Path
) -> None:
    hook(
        cloned.root / ".git/hooks",
        "pre-merge-commit",
        f"setsid sleep 60 >/dev/null 2>&1 </dev/null & echo $! > {tmp_path}/daemon",
    )
    source = work(cloned.root, {"a.txt": "a\n"})
    with _held(cloned, place) as held:
        merge(held, _base(cloned), source, Strategy.MERGE, MESSAGE, PERSON)
    try:
        with _held(cloned, place, 0.2) as held:
            assert held.path == place
    finally:
        os.kill(int((tmp_path / "daemon").read_text()), signal.SIGKILL)


def test_the_hook_of_a_killed_commit_is_waited_for(cloned: Cloned, tmp_path: Path) -> None:
    # Given a commit whose worker is killed while its hook is at work
    work(cloned.root, {"a.txt": "a\n"})
    tree = cloned.root.parent / "tree-work"
    (tree / "README.md").write_text("two\n")
    hook(
        cloned.root / ".git/hooks",
        "pre-commit",
        f"touch {tmp_path}/reached; until test -e {tmp_path}/go; do sleep 0.02; done",
    )
    process = _start(_COMMITTER, str(tree))
    _wait_for(tmp_path / "reached")
    _kill(process)

    # Then the next one waits for it, and finds its commit
    with pytest.raises(GitError, match="another git holds"):
        commit_all(tree, MESSAGE, PERSON, timeout_s=0.1)
    (tmp_path / "go").touch()
    assert commit_all(tree, MESSAGE, PERSON) == ""
    assert git(tree, "show", "-s", "--format=%s") == "work"
