"""Worktrees that are removed, and what brings them back."""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import re
import subprocess
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError
from aios_app.git.losses import losses_of
from aios_app.git.removal import Removal, mounts_in, own_branch, remove_worktree
from aios_app.git.repository import Repository, find_repository
from aios_app.git.restoring import Restored, restore
from aios_app.git.trash import TrashEntry, list_trash
from aios_app.git.worktrees import add_worktree, read_metadata, write_metadata
from tests.integration.git_fixtures import Cloned, cloned, commit, git, make_repository, quiet_git

__all__ = ["cloned", "quiet_git"]
pytestmark = pytest.mark.usefixtures("quiet_git")

BRANCH = "aios/7-fix"
NAME = "shop-codex-j7"
MB = 1024 * 1024
#: Of Linux, as C has them.
_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 24, 1, 2
DAY_MS = 24 * 3600 * 1000


@pytest.fixture
def place(cloned: Cloned, tmp_path: Path) -> Path:
    """A worktree as jobs have them."""
    path = tmp_path / "trees" / NAME
    add_worktree(cloned.repo, path=path, branch=BRANCH, sha=git(cloned.root, "rev-parse", "HEAD"))
    write_metadata(path, {"job": 7, "branch": BRANCH})
    return path


def _now_ms() -> int:
    return int(time.time() * 1000)


def _entry(path: Path, **fields: object) -> TrashEntry:
    known = {"name": path.name, "path": str(path), "removed_ms": _now_ms(), "job": 7}
    return TrashEntry(**known | fields)  # type: ignore[arg-type]


def _remove(repo: Repository, path: Path, **flags: object) -> Removal:
    entry = _entry(path, metadata=read_metadata(path) or {}) if path.is_dir() else _entry(path)
    return remove_worktree(repo, entry, **{"branch": BRANCH, "max_bytes": 10 * MB} | flags)  # type: ignore[arg-type]


def _restore(repo: Repository, entry: TrashEntry | None) -> Restored:
    assert entry is not None
    return restore(repo, entry, folder=Path(entry.path).parent)


def _content(root: Path) -> dict[bytes, tuple[int, bytes]]:
    """Every file below, by the bytes of its name: its executable bit or kind, and its bytes."""
    files = (path for path in root.rglob("*") if path.is_symlink() or path.is_file())
    return {os.fsencode(path.relative_to(root)): _facts(path) for path in files if path.name != ".git"}


def _facts(path: Path) -> tuple[int, bytes]:
    if path.is_symlink():
        return 2, os.fsencode(path.readlink())
    return path.stat().st_mode & 0o100, path.read_bytes()


def _make_a_mess(path: Path) -> None:
    """Commits, staged and other changes, deletions, and names of all kinds."""
    commit(path, "done.txt", "committed\n")
    commit(path, "gone.txt", "to be deleted\n")
    (path / "gone.txt").unlink()
    (path / "README.md").write_text("staged\n")
    git(path, "add", "README.md")
    (path / "README.md").write_bytes(b"then changed\0\xff\r\n")
    (path / "new folder").mkdir()
    (path / "new folder" / "-run.sh").write_text("#!/bin/sh\n")
    (path / "new folder" / "-run.sh").chmod(0o755)
    (path / "link").symlink_to("/nowhere/at/all")
    (path / os.fsdecode(b"caf\xe9 \n\x1b[31m")).write_bytes(bytes(range(256)))
    (path / "done.txt").chmod(0o755)


def test_all_that_stood_in_a_worktree_comes_back_byte_for_byte(cloned: Cloned, place: Path) -> None:
    _make_a_mess(place)
    content, status = _content(place), git(place, "status", "--porcelain")
    head, metadata = git(place, "rev-parse", "HEAD"), read_metadata(place)

    removal = _remove(cloned.repo, place)

    assert not place.exists()
    assert git(cloned.root, "branch", "--list", BRANCH) == ""
    assert len(git(cloned.root, "worktree", "list").splitlines()) == 1
    back = _restore(cloned.repo, removal.entry)
    assert (back.path, back.branch, back.said) == (place, BRANCH, ())
    assert _content(place) == content
    assert git(place, "status", "--porcelain") == status
    assert git(place, "rev-parse", "HEAD") == head
    assert git(place, "symbolic-ref", "HEAD") == f"refs/heads/{BRANCH}"
    assert (read_metadata(place) or {}).items() >= (metadata or {}).items()
    assert list_trash(cloned.repo) == []


def test_the_trash_says_what_it_holds(cloned: Cloned, place: Path) -> None:
    _make_a_mess(place)

    _remove(cloned.repo, place)

    (entry,) = list_trash(cloned.repo)
    assert entry.ref == f"refs/aios/trash/{time.strftime('%Y%m%d')}/{NAME}"
    assert (entry.job, entry.name, entry.path) == (7, NAME, str(place))
    assert (entry.branch, entry.head_branch, entry.files, entry.commits) == (BRANCH, BRANCH, 6, 2)


def test_what_would_go_is_named_first(cloned: Cloned, place: Path) -> None:
    commit(place, "done.txt", "committed\n")
    git(cloned.root, "branch", "elsewhere", BRANCH)
    commit(place, "more.txt", "more\n")
    (place / "stashed.txt").write_text("x")
    git(place, "stash", "-u")
    (place / "README.md").write_text("changed\n")
    (place / "new.txt").write_text("new\n")
    (place / ".gitignore").write_text("*.log\n")
    (place / "debug.log").write_text("x")

    losses = losses_of(cloned.repo, place, branch=BRANCH, base_sha="", max_bytes=MB)

    assert (losses.changed, losses.untracked) == (("README.md",), (".gitignore", "new.txt"))
    assert [line.partition(" ")[2] for line in losses.commits] == ["write more.txt"]
    assert losses.stashes == (f"stash@{{0}} WIP on {BRANCH}: " + losses.commits[0],)
    assert losses.ignored == ("debug.log",)
    assert losses.lines()[0] == "1 changed: README.md"


def test_commits_that_the_remote_has_are_no_loss(cloned: Cloned, place: Path) -> None:
    commit(place, "done.txt", "x")
    git(place, "push", "-q", "origin", BRANCH)

    assert losses_of(cloned.repo, place, branch=BRANCH, base_sha="", max_bytes=MB).is_nothing


def test_a_second_removal_of_the_same_name_leaves_the_first_entry_alone(cloned: Cloned, place: Path) -> None:
    (place / "first.txt").write_text("1")
    first = _remove(cloned.repo, place).entry
    add_worktree(cloned.repo, path=place, branch=BRANCH, sha=git(cloned.root, "rev-parse", "HEAD"))
    (place / "second.txt").write_text("2")

    second = _remove(cloned.repo, place).entry

    assert first is not None
    assert second is not None
    assert [entry.ref for entry in list_trash(cloned.repo)] == [f"{first.ref}-2", first.ref]
    assert git(cloned.root, "show", f"{first.ref}:first.txt") == "1"
    assert git(cloned.root, "show", f"{second.ref}:second.txt") == "2"


def test_where_path_and_branch_are_taken_others_are_made_and_said(cloned: Cloned, place: Path) -> None:
    commit(place, "done.txt", "x")
    removal = _remove(cloned.repo, place)
    place.mkdir()
    git(cloned.root, "branch", BRANCH, "main")

    back = _restore(cloned.repo, removal.entry)

    assert back.path == place.with_name(f"{NAME}-2")
    assert back.branch == f"{BRANCH}-2"
    assert back.said == (
        f"{place} is taken: the worktree is {back.path}",
        f"branch {BRANCH} is taken: it is {BRANCH}-2",
    )
    assert (read_metadata(back.path) or {})["branch"] == back.branch
    assert (back.path / "done.txt").exists()


def test_entries_go_after_thirty_days_when_something_else_is_removed(cloned: Cloned, place: Path) -> None:
    old = place.with_name("old")
    add_worktree(cloned.repo, path=old, branch="old", sha=git(cloned.root, "rev-parse", "HEAD"))
    for age, name in ((31, "old"), (29, "young")):
        path = place.with_name(name)
        if not path.exists():
            add_worktree(cloned.repo, path=path, branch=name, sha=git(cloned.root, "rev-parse", "HEAD"))
        entry = _entry(path, removed_ms=_now_ms() - age * DAY_MS)
        remove_worktree(cloned.repo, entry, branch=name, max_bytes=MB)
    assert {entry.name for entry in list_trash(cloned.repo)} == {"old", "young"}

    _remove(cloned.repo, place)

    assert {entry.name for entry in list_trash(cloned.repo)} == {"young", NAME}


# What cannot be kept


def _assert_untouched(cloned: Cloned, place: Path) -> None:
    assert place.is_dir()
    assert git(place, "symbolic-ref", "HEAD") == f"refs/heads/{BRANCH}"
    assert list_trash(cloned.repo) == []


def test_a_repository_inside_is_refused_by_name(cloned: Cloned, place: Path) -> None:
    make_repository(place / "vendor" / "lib")

    with pytest.raises(ConflictError, match="vendor/lib"):
        _remove(cloned.repo, place)
    _assert_untouched(cloned, place)


def test_a_repository_in_the_place_of_the_worktrees_link_is_refused_and_stays(
    cloned: Cloned, place: Path
) -> None:
    (place / ".git").unlink()
    git(place, "init", "-q")
    sha = commit(place, "own.txt", "own history\n")

    with pytest.raises(ConflictError, match=r"\.git is a repository of its own"):
        _remove(cloned.repo, place)
    with pytest.raises(ConflictError, match=r"\.git is a repository of its own"):
        losses_of(cloned.repo, place, branch=BRANCH, base_sha="", max_bytes=MB)

    assert git(place, "rev-parse", "HEAD") == sha


def test_a_worktree_that_lost_its_link_goes_to_the_trash_whole(cloned: Cloned, place: Path) -> None:
    (place / "new.txt").write_text("new\n")
    (place / ".git").unlink()

    entry = _remove(cloned.repo, place).entry

    assert entry is not None
    assert git(cloned.root, "show", f"{entry.ref}:new.txt") == "new"


def test_what_a_sparse_checkout_leaves_out_is_kept_and_comes_back(cloned: Cloned, tmp_path: Path) -> None:
    commit(cloned.root, "in/a.txt", "1\n")
    commit(cloned.root, "out/b.txt", "1\n")
    git(cloned.root, "sparse-checkout", "set", "in")
    place = tmp_path / "trees" / NAME
    add_worktree(cloned.repo, path=place, branch=BRANCH, sha=git(cloned.root, "rev-parse", "HEAD"))
    assert not (place / "out").exists()
    (place / "out").mkdir()
    (place / "out" / "b.txt").write_text("changed\n")
    (place / "out" / "new.txt").write_text("new\n")

    _restore(cloned.repo, _remove(cloned.repo, place).entry)

    assert (place / "out" / "b.txt").read_text() == "changed\n"
    assert (place / "out" / "new.txt").read_text() == "new\n"
    assert git(place, "status", "--porcelain", "-uall").split() == ["M", "out/b.txt", "??", "out/new.txt"]


def test_what_an_unfinished_rebase_put_aside_is_not_lost(cloned: Cloned, place: Path) -> None:
    commit(place, "a.txt", "theirs\n")
    git(cloned.root, "branch", "other", git(place, "rev-parse", "HEAD"))
    git(place, "reset", "-q", "--hard", "HEAD~1")
    commit(place, "a.txt", "mine\n")
    (place / "README.md").write_text("put aside\n")
    rebase = ["git", "rebase", "-q", "--autostash", "other"]
    assert subprocess.run(rebase, cwd=place, check=False, capture_output=True).returncode != 0
    assert (place / "README.md").read_text() == "one\n"

    with pytest.raises(ConflictError, match="unfinished rebase or merge put aside"):
        _remove(cloned.repo, place)

    git(place, "rebase", "--abort")
    assert (place / "README.md").read_text() == "put aside\n"
    assert _remove(cloned.repo, place).entry is not None


def test_what_is_mounted_in_a_worktree_is_found() -> None:
    mountinfo = (
        "22 1 0:5 / / rw - ext4 /dev/sda rw\n"
        "23 22 0:6 / /trees/j7 rw - ext4 /dev/sdb rw\n"
        "24 22 0:7 / /trees/j7/my\\040data rw shared:1 - fuse.sshfs nas: rw\n"
        "25 22 0:8 / /trees/j70/data rw - tmpfs tmpfs rw\n"
    )

    assert mounts_in(Path("/trees/j7"), mountinfo) == [Path("/trees/j7/my data")]
    assert mounts_in(Path("/trees/j8"), mountinfo) == []


def test_too_much_is_refused_with_the_largest_folder(cloned: Cloned, place: Path) -> None:
    (place / "models").mkdir()
    for name in "ab":
        (place / "models" / name).write_bytes(b"x" * MB)
    (place / "small").write_bytes(b"x")

    with pytest.raises(ConflictError, match=r"3 MB of .*trash_max_mb is 1; the largest is models with 2 MB"):
        _remove(cloned.repo, place, max_bytes=MB)
    _assert_untouched(cloned, place)


@pytest.mark.parametrize("is_committed", [False, True])
def test_work_in_a_submodule_that_its_remote_has_not_is_refused(
    cloned: Cloned, place: Path, tmp_path: Path, *, is_committed: bool
) -> None:
    make_repository(tmp_path / "lib")
    git(place, "submodule", "--quiet", "add", str(tmp_path / "lib"), "lib")
    git(place, "commit", "-qm", "with lib")
    (place / "lib" / "work.txt").write_text("x")
    if is_committed:
        commit(place / "lib", "work.txt", "x")

    with pytest.raises(ConflictError, match=r"submodule lib .*(uncommitted|its remote has not)"):
        _remove(cloned.repo, place)
    _assert_untouched(cloned, place)


def test_a_worktree_with_a_clean_submodule_comes_back_with_it(
    cloned: Cloned, place: Path, tmp_path: Path
) -> None:
    make_repository(tmp_path / "lib")
    git(place, "submodule", "--quiet", "add", str(tmp_path / "lib"), "lib")

    _restore(cloned.repo, _remove(cloned.repo, place).entry)

    assert (place / "lib" / "README.md").read_text() == "one\n"


def _refusal(said: Connection, repo: Repository, path: Path) -> None:
    """Removes it where not even root may read what its mode forbids, and hands over why it stayed."""
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    try:
        _remove(repo, path)
    except ConflictError as error:
        said.send(str(error))
    else:
        said.send("removed")


@pytest.mark.parametrize("name", ["secret", "folder"])
def test_what_cannot_be_read_is_refused_by_name(cloned: Cloned, place: Path, name: str) -> None:
    (place / "folder").mkdir()
    (place / "folder" / "only.txt").write_text("x")
    (place / "secret").write_text("x")
    (place / name).chmod(0)

    fork = multiprocessing.get_context("fork")
    heard, said = fork.Pipe(duplex=False)
    process = fork.Process(target=_refusal, args=(said, cloned.repo, place))
    process.start()
    words = heard.recv() if heard.poll(8) else "nothing"
    process.join()
    for end in (heard, said):
        end.close()

    assert re.search(f"cannot be kept whole: .*{name}", words), words
    (place / name).chmod(0o700)
    _assert_untouched(cloned, place)


def test_a_change_that_git_was_told_not_to_see_is_kept(cloned: Cloned, place: Path) -> None:
    git(place, "update-index", "--assume-unchanged", "README.md")
    (place / "README.md").write_text("mine\n")

    _restore(cloned.repo, _remove(cloned.repo, place).entry)

    assert (place / "README.md").read_text() == "mine\n"


def test_what_is_staged_alone_is_kept(cloned: Cloned, place: Path) -> None:
    (place / "only.txt").write_text("staged\n")
    git(place, "add", "only.txt")
    (place / "only.txt").unlink()

    _restore(cloned.repo, _remove(cloned.repo, place).entry)

    assert git(place, "show", ":only.txt") == "staged"
    assert not (place / "only.txt").exists()


def test_a_merge_in_its_middle_is_kept_with_its_marks(cloned: Cloned, place: Path) -> None:
    commit(cloned.root, "README.md", "theirs\n")
    commit(place, "README.md", "ours\n")
    subprocess.run(["git", "merge", "-q", "main"], cwd=place, check=False, capture_output=True)
    text = (place / "README.md").read_text()
    assert "<<<<<<<" in text

    _restore(cloned.repo, _remove(cloned.repo, place).entry)

    assert (place / "README.md").read_text() == text


# What is never removed


def test_a_locked_worktree_stays_and_the_way_out_is_said(cloned: Cloned, place: Path) -> None:
    git(cloned.root, "worktree", "lock", "--reason", "on a stick", str(place))

    with pytest.raises(ConflictError, match=r"locked \(on a stick\): git worktree unlock"):
        _remove(cloned.repo, place)
    _assert_untouched(cloned, place)


def test_the_main_worktree_and_other_directories_stay(cloned: Cloned, place: Path, tmp_path: Path) -> None:
    other = make_repository(tmp_path / "other")
    (tmp_path / "link").symlink_to(place)

    for path in (cloned.root, other.root, place.parent, tmp_path / "link"):
        with pytest.raises(ConflictError, match="not a worktree that was added to"):
            _remove(cloned.repo, path)
    assert other.root.is_dir()
    _assert_untouched(cloned, place)


def test_nothing_is_followed_out_of_the_worktree(cloned: Cloned, place: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    (place / "link").symlink_to(tmp_path / "mine")

    _remove(cloned.repo, place)

    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years"


def test_directories_that_a_tool_made_unwritable_go_too(cloned: Cloned, place: Path) -> None:
    (place / ".gitignore").write_text("cache\n")
    (place / "cache" / "mod").mkdir(parents=True)
    (place / "cache" / "mod" / "go.mod").write_text("x")
    for folder in (place / "cache" / "mod", place / "cache"):
        folder.chmod(0o555)

    _remove(cloned.repo, place)

    assert not place.exists()


def test_other_worktrees_stay_as_they_are(cloned: Cloned, place: Path) -> None:
    web, moved = place.with_name(f"{NAME}-web"), place.with_name("moved")
    for path, branch in ((web, "web"), (moved, "moved")):
        add_worktree(cloned.repo, path=path, branch=branch, sha=git(cloned.root, "rev-parse", "HEAD"))
    moved.rename(place.with_name("moved away"))

    _remove(cloned.repo, place)

    assert git(web, "status", "--porcelain") == ""
    assert (cloned.repo.git_dir / "worktrees" / "moved").is_dir()
    assert git(cloned.root, "branch", "--list", "moved", "web", "--format=%(refname:short)") == "moved\nweb"


def test_a_branch_that_was_checked_out_elsewhere_stays(cloned: Cloned, place: Path) -> None:
    git(place, "checkout", "-q", "--detach")
    git(cloned.root, "checkout", "-q", BRANCH)

    removal = _remove(cloned.repo, place)

    assert removal.said == (f"branch {BRANCH} stays: it is checked out elsewhere",)
    assert git(cloned.root, "status", "--porcelain") == ""


def test_a_branch_that_the_agent_renamed_goes_with_its_worktree(cloned: Cloned, place: Path) -> None:
    commit(place, "done.txt", "x")
    git(place, "branch", "-m", "fix/login")

    assert own_branch(cloned.repo, place, BRANCH) == "fix/login"
    removal = _remove(cloned.repo, place)

    assert git(cloned.root, "branch", "--list", "fix/login") == ""
    assert _restore(cloned.repo, removal.entry).branch == "fix/login"
    assert (place / "done.txt").exists()


def test_a_branch_that_the_agent_went_to_stays(cloned: Cloned, place: Path) -> None:
    git(cloned.root, "branch", "release", "main")
    git(place, "checkout", "-q", "release")
    sha = commit(place, "done.txt", "x")

    removal = _remove(cloned.repo, place)

    assert removal.said == ("branch release stays: AIOS did not make it",)
    assert git(cloned.root, "rev-parse", "release") == sha
    assert git(cloned.root, "branch", "--list", BRANCH) == ""
    back = _restore(cloned.repo, removal.entry)
    assert git(back.path, "rev-parse", "HEAD") == sha


def test_commits_on_no_branch_come_back(cloned: Cloned, place: Path) -> None:
    git(place, "checkout", "-q", "--detach")
    sha = commit(place, "done.txt", "x")

    back = _restore(cloned.repo, _remove(cloned.repo, place).entry)

    assert git(back.path, "rev-parse", "HEAD") == sha
    assert (back.branch, back.said) == ("", (f"no branch is checked out, as it was: HEAD is at {sha[:7]}",))
    assert git(cloned.root, "rev-parse", BRANCH) == git(cloned.root, "rev-parse", "main")


def test_a_worktree_of_someone_else_goes_without_its_branch(cloned: Cloned, tmp_path: Path) -> None:
    path = tmp_path / "mine"
    git(cloned.root, "worktree", "add", "-q", "-b", "mine", str(path))
    (path / "new.txt").write_text("x")

    removal = _remove(cloned.repo, path, branch="")

    assert git(cloned.root, "branch", "--list", "mine") != ""
    back = _restore(cloned.repo, removal.entry)
    assert (back.branch, back.said, read_metadata(path)) == ("mine", (), None)
    assert git(path, "status", "--porcelain") == "?? new.txt"


# What was begun before


@pytest.mark.parametrize("is_pruned", [False, True])
def test_the_branch_of_a_worktree_that_is_gone_goes_to_the_trash(
    cloned: Cloned, place: Path, *, is_pruned: bool
) -> None:
    sha = commit(place, "done.txt", "x")
    subprocess.run(["rm", "-rf", str(place)], check=True)
    if is_pruned:
        git(cloned.root, "worktree", "prune")

    removal = _remove(cloned.repo, place)

    assert git(cloned.root, "branch", "--list", BRANCH) == ""
    assert git(_restore(cloned.repo, removal.entry).path, "rev-parse", "HEAD") == sha


def test_a_second_removal_finds_nothing_and_touches_nothing(cloned: Cloned, place: Path) -> None:
    _remove(cloned.repo, place)
    entries = list_trash(cloned.repo)

    removal = _remove(cloned.repo, place)

    assert (removal.entry, removal.said) == (None, ())
    assert list_trash(cloned.repo) == entries


def test_with_a_commit_expected_nothing_else_is_removed(cloned: Cloned, place: Path) -> None:
    sha = commit(place, "done.txt", "x")
    (place / "late.txt").write_text("x")

    with pytest.raises(ConflictError, match="was changed since"):
        _remove(cloned.repo, place, expected_head=sha)
    (place / "late.txt").unlink()
    with pytest.raises(ConflictError, match="was changed since"):
        _remove(cloned.repo, place, expected_head=git(cloned.root, "rev-parse", "main"))
    _assert_untouched(cloned, place)

    assert _remove(cloned.repo, place, expected_head=sha).entry is not None


def test_a_ref_that_is_no_entry_of_ours_is_no_trouble(cloned: Cloned) -> None:
    git(cloned.root, "update-ref", "refs/aios/trash/20260101/mine", "HEAD")

    assert list_trash(cloned.repo) == []


def test_an_entry_survives_json(cloned: Cloned, place: Path) -> None:
    entry = _remove(cloned.repo, place).entry

    assert entry is not None
    assert json.loads(json.dumps(entry.to_json()))["path"] == str(place)
    assert find_repository(cloned.root) == cloned.repo
