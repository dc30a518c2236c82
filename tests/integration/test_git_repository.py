from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

import pytest

from aios_app.domain.errors import ProjectUnusable
from aios_app.git.repository import Repository, check_project, describe, find_repository, scan, worktree_of
from tests.integration.git_fixtures import Cloned, cloned, deaf_port, git, make_repository, quiet_git

__all__ = ["cloned", "deaf_port", "quiet_git"]
pytestmark = pytest.mark.usefixtures("quiet_git")

ODD_NAME = "Süd $HOME `id` -x 日本 🙂"


@pytest.mark.parametrize("where", [".", "src/deep", "../linked tree", "../linked tree/sub", ".git"])
def test_a_repository_is_found_from_anywhere_inside(tmp_path: Path, where: str) -> None:
    repo = make_repository(tmp_path / ODD_NAME)
    git(repo.root, "worktree", "add", "-q", "-b", "side", "../linked tree")
    (repo.root / "src/deep").mkdir(parents=True)
    (tmp_path / "linked tree/sub").mkdir()

    found = find_repository(repo.root / where)

    assert found == Repository(tmp_path / ODD_NAME, tmp_path / ODD_NAME / ".git")


def test_a_bare_repository_is_its_own_root_also_from_its_worktree(cloned: Cloned, tmp_path: Path) -> None:
    git(cloned.origin, "worktree", "add", "-q", str(tmp_path / "linked"), "main")

    found = find_repository(tmp_path / "linked")

    assert found == find_repository(cloned.origin) == Repository(cloned.origin, cloned.origin)
    assert found.is_bare


def test_a_submodule_and_a_worktree_of_it_are_the_submodule(cloned: Cloned, tmp_path: Path) -> None:
    outer = make_repository(tmp_path / "outer").root
    git(outer, "submodule", "add", "-q", str(cloned.origin), "inner")
    git(outer / "inner", "worktree", "add", "-q", str(tmp_path / "linked"))

    assert find_repository(tmp_path / "linked").root == outer / "inner"
    assert find_repository(outer / "inner").root == outer / "inner"


def test_the_worktree_that_one_is_in_is_its_own_not_the_main_one(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "r")
    git(repo.root, "worktree", "add", "-q", str(tmp_path / "linked"))
    (tmp_path / "linked/sub").mkdir()

    assert worktree_of(tmp_path / "linked/sub") == tmp_path / "linked"
    assert worktree_of(repo.root) == repo.root
    assert worktree_of(tmp_path) is None
    assert worktree_of(tmp_path / "gone") is None


def test_a_good_project_is_checked_without_a_process(cloned: Cloned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    begun = time.perf_counter()
    for _ in range(100):
        check_project(cloned.root)

    assert (time.perf_counter() - begun) / 100 < 0.005


def test_a_project_of_packed_refs_or_another_hash_is_good(cloned: Cloned, tmp_path: Path) -> None:
    git(cloned.root, "pack-refs", "--all")
    git(tmp_path, "init", "-q", "--object-format=sha256", "sha256")
    git(tmp_path / "sha256", "commit", "-q", "--allow-empty", "-m", "one")

    check_project(cloned.root)
    check_project(tmp_path / "sha256")


def test_a_project_that_cannot_be_worked_in_says_why(tmp_path: Path) -> None:
    # Given what people have in their lists
    (tmp_path / "plain").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "broken/.git").mkdir(parents=True)
    git(tmp_path, "init", "-q", "empty")
    paths = ("missing", "plain", "file", "broken", "empty", "nul\0")

    reasons = {name: _reason(tmp_path / name) for name in paths}

    at = str(tmp_path)
    assert reasons == {
        "missing": f"{at}/missing does not exist: put it back, or aios remove missing",
        "plain": f"{at}/plain is not a git repository: git init there, or aios remove plain",
        "file": f"{at}/file is not a directory: put it back, or aios remove file",
        "broken": f"{at}/broken/.git cannot be read as a repository: git status there says why",
        "empty": f"{at}/empty has no commit: make a first one there, or aios remove empty",
        "nul\0": f"{at}/nul\0 does not exist: put it back, or aios remove nul\0",
    }


def _reason(path: Path) -> str:
    with pytest.raises(ProjectUnusable) as caught:
        check_project(path)
    return str(caught.value)


def test_an_unreadable_project_says_so(cloned: Cloned) -> None:
    cloned.root.chmod(0)

    with _not_root():
        reason = _reason(cloned.root)
    cloned.root.chmod(0o755)

    assert reason.startswith(f"{cloned.root} cannot be read (Permission denied)")


@contextmanager
def _not_root() -> Iterator[None]:
    was = os.geteuid()
    for folder in _folders_of_pytest():
        folder.chmod(0o755)
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


def _folders_of_pytest() -> list[Path]:
    """All folders between this test's own and the one that is everybody's."""
    here = Path(os.environ["HOME"])
    return [folder for folder in (here, *here.parents) if Path(gettempdir()) in folder.parents]


@pytest.mark.parametrize("name", ["missing", "plain"])
def test_a_path_that_is_in_no_repository_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "plain").mkdir()

    with pytest.raises(ProjectUnusable, match=name):
        find_repository(tmp_path / name)


def test_a_worktree_whose_repository_is_gone_is_not_to_be_made_one(cloned: Cloned, tmp_path: Path) -> None:
    git(cloned.root, "worktree", "add", "-q", "-b", "other", str(tmp_path / "w"))
    cloned.root.rename(tmp_path / "moved")

    with pytest.raises(ProjectUnusable, match="cannot be read as a repository: git status there says why"):
        find_repository(tmp_path / "w")


def test_what_add_says_of_a_clone(cloned: Cloned) -> None:
    (cloned.root / "package.json").touch()
    (cloned.root / "package-lock.json").touch()
    (cloned.root / "src").mkdir()

    facts = describe(cloned.root / "src")

    assert (facts.root, facts.name, facts.base) == (cloned.root, "shop", "origin/main")
    assert (facts.url, facts.push, facts.setup_hint) == (str(cloned.origin), "ok", "npm ci")


def test_trying_a_push_pushes_nothing_and_runs_no_hook(cloned: Cloned, tmp_path: Path) -> None:
    hook = cloned.root / ".git/hooks/pre-push"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    hook.chmod(0o755)
    before = git(cloned.origin, "for-each-ref")

    assert describe(cloned.root).push == "ok"
    assert git(cloned.origin, "for-each-ref") == before
    assert not (tmp_path / "ran").exists()


def test_a_push_is_ok_also_where_the_remote_is_ahead(cloned: Cloned) -> None:
    git(cloned.root, "commit", "-q", "--amend", "-m", "another history")

    assert describe(cloned.root).push == "ok"


def test_add_says_what_the_remote_says(cloned: Cloned, deaf_port: int) -> None:
    git(cloned.root, "remote", "set-url", "origin", "/nowhere.git")
    refused = describe(cloned.root).push
    git(cloned.root, "remote", "set-url", "origin", f"http://127.0.0.1:{deaf_port}/x")

    assert refused == "'/nowhere.git' does not appear to be a git repository"
    assert describe(cloned.root, timeout_s=0.5).push == "origin did not answer within 0.5 s"


def test_no_password_gets_into_the_list(cloned: Cloned) -> None:
    git(cloned.root, "remote", "set-url", "origin", "http://me:secret@127.0.0.1:1/x.git")

    facts = describe(cloned.root)

    assert facts.url == "http://127.0.0.1:1/x.git"
    assert "secret" not in facts.push


def test_a_project_without_a_remote_says_so(tmp_path: Path) -> None:
    facts = describe(make_repository(tmp_path / ODD_NAME).root)

    assert (facts.name, facts.base, facts.url, facts.push) == (ODD_NAME, "main", None, "no remote")
    assert facts.setup_hint == ""


def test_a_repository_without_a_commit_is_not_added(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "empty")

    with pytest.raises(ProjectUnusable, match="has no commit"):
        describe(tmp_path / "empty")


def test_scan_finds_the_repositories_and_enters_none(tmp_path: Path) -> None:
    # Given repositories here and there, some where nobody wants them found
    code = tmp_path / "code"
    wanted = [make_repository(code / name).root for name in ("b", ODD_NAME, "a/deep/er")]
    for name in ("b/inside", ".hidden/r", "node_modules/r", "1/2/3/4/5/6"):
        make_repository(code / name)
    git(code / "b", "worktree", "add", "-q", str(code / "linked"))
    (code / "loop").symlink_to(code)

    assert scan(code) == sorted(wanted)


def test_scan_passes_over_what_it_may_not_read(tmp_path: Path) -> None:
    good = make_repository(tmp_path / "code/good").root
    (tmp_path / "code/shut").mkdir(mode=0)

    with _not_root():
        found = scan(tmp_path / "code")

    assert found == [good]


def test_scan_of_a_repository_is_that_repository_and_of_nothing_an_error(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "r").root

    assert scan(root) == [root]
    with pytest.raises(ProjectUnusable, match="does not exist"):
        scan(tmp_path / "gone")
