"""kill -9 at each step of a removal and of what undoes it: all is there, or a ref brings it back."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aios_app.git.removal import remove_worktree
from aios_app.git.restoring import restore
from aios_app.git.trash import TrashEntry, list_trash
from aios_app.git.worktrees import add_worktree, read_metadata, write_metadata
from tests.integration.git_fixtures import Cloned, cloned, commit, git, quiet_git

__all__ = ["cloned", "quiet_git"]
pytestmark = [pytest.mark.usefixtures("quiet_git"), pytest.mark.timeout(60)]

BRANCH = "aios/7-fix"
_FORK = multiprocessing.get_context("fork")
#: What changes something on the disk; git's own steps are as whole as it makes them.
_EVENTS = ("os.remove", "os.rmdir", "os.rename")
_VERBS = {"update-ref", "commit-tree", "symbolic-ref", "read-tree", "worktree"}
#: Files go one after another, which is no new step each time.
_STEPS = [*range(1, 13), *range(13, 100, 4)]


def _is_step(event: str, args: tuple[Any, ...]) -> bool:
    if event == "subprocess.Popen":
        return not _VERBS.isdisjoint(args[1])
    # Scratch files in the folder for such are no part of it.
    return event in _EVENTS and "/aios-index-" not in os.fsdecode(args[0])


def _die_at(step: int, do: Callable[[], object]) -> None:
    """Does it in this process, and kills it just before the step of this number."""
    seen = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal seen
        if _is_step(event, args):
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    do()


def _is_killed(step: int, do: Callable[[], object]) -> bool:
    process = _FORK.Process(target=_die_at, args=(step, do))
    process.start()
    process.join()
    assert process.exitcode in {0, -signal.SIGKILL}
    return process.exitcode != 0


def _remove(cloned: Cloned, place: Path) -> TrashEntry:
    entry = TrashEntry(
        name=place.name,
        path=str(place),
        removed_ms=1_790_000_000_000,
        job=7,
        metadata=read_metadata(place) or {},
    )
    removed = remove_worktree(cloned.repo, entry, branch=BRANCH, max_bytes=1_000_000).entry
    assert removed is not None
    return removed


def _work(cloned: Cloned, place: Path) -> dict[str, str]:
    """A worktree with work of all kinds; its files."""
    add_worktree(cloned.repo, path=place, branch=BRANCH, sha=git(cloned.root, "rev-parse", "HEAD"))
    write_metadata(place, {"job": 7, "branch": BRANCH})
    commit(place, "done.txt", "committed\n")
    (place / "README.md").write_text("changed\n")
    (place / "folder").mkdir()
    (place / "folder" / "new.txt").write_text("untracked\n")
    return _files(place)


def _files(place: Path) -> dict[str, str]:
    return {
        str(path.relative_to(place)): path.read_text()
        for path in place.rglob("*")
        if path.is_file() and path.name != ".git"
    }


def _is_whole(place: Path, files: dict[str, str]) -> bool:
    return place.is_dir() and (place / ".git").exists() and _files(place) == files


@pytest.mark.long
def test_a_removal_that_is_killed_at_any_step_loses_nothing_and_can_be_done_again(
    cloned: Cloned, tmp_path: Path
) -> None:
    place = tmp_path / "trees" / "shop-j7"
    for step in _STEPS:
        files = _work(cloned, place)
        head = git(place, "rev-parse", "HEAD")
        if not _is_killed(step, lambda: _remove(cloned, place)):
            break
        kept = list_trash(cloned.repo)
        assert kept or _is_whole(place, files), step
        assert _is_whole(place, files) or not place.exists(), step

        if step % 2 or place.exists():
            entry = _remove(cloned, place)
            assert list(place.parent.iterdir()) == []
            assert git(cloned.root, "branch", "--list", BRANCH) == ""
        else:  # brought back without having been ended
            entry = kept[0]
        assert [one.ref for one in list_trash(cloned.repo)] == [entry.ref], step
        restore(cloned.repo, entry, folder=place.parent)
        assert list(place.parent.iterdir()) == [place]
        assert _files(place) == files, step
        assert git(place, "rev-parse", f"refs/heads/{BRANCH}") == head
        git(cloned.root, "worktree", "remove", "--force", str(place))
        git(cloned.root, "branch", "-D", BRANCH)
    else:
        pytest.fail("it never came to its end")
    assert step > 8


@pytest.mark.long
def test_what_is_brought_back_is_so_after_a_kill_at_any_step(cloned: Cloned, tmp_path: Path) -> None:
    place = tmp_path / "trees" / "shop-j7"
    files = _work(cloned, place)
    for step in _STEPS:
        entry = _remove(cloned, place)
        if not _is_killed(step, lambda entry=entry: restore(cloned.repo, entry, folder=place.parent)):  # type: ignore[misc]
            break
        assert [one.ref for one in list_trash(cloned.repo)] == [entry.ref]

        back = restore(cloned.repo, entry, folder=place.parent)

        assert (back.path, back.branch, back.said) == (place, BRANCH, ()), step
        assert _files(place) == files, step
        assert git(place, "symbolic-ref", "HEAD") == f"refs/heads/{BRANCH}"
        assert list_trash(cloned.repo) == []
    else:
        pytest.fail("it never came to its end")
    assert step > 4
