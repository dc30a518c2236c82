"""``aios setup``: from a directory to a repository on its remote."""

from __future__ import annotations

from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError, ExternalError, UsageError
from aios_app.git.checkout_setup import remote_address
from aios_app.services.context import Context
from tests.integration.checkout_fixtures import Checkouts
from tests.integration.git_fixtures import Cloned, cloned, commit, git, make_repository, quiet_git

__all__ = ["cloned", "quiet_git"]


@pytest.fixture
def person(context: Context, quiet_git: None) -> Checkouts:
    return Checkouts(context)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "fresh"
    path.mkdir()
    return path


@pytest.fixture
def empty(tmp_path: Path, quiet_git: None) -> Path:
    """A bare remote without a commit."""
    git(tmp_path, "init", "-q", "--bare", "empty.git")
    return tmp_path / "empty.git"


def test_without_a_yes_a_directory_stays_what_it_was(person: Checkouts, folder: Path, empty: Path) -> None:
    (folder / "a.txt").write_text("a\n")
    (folder / ".gitignore").write_text("*.log\n")
    (folder / "noise.log").write_text("x\n")

    answer = person.setup(folder, str(empty), sure=False)

    assert answer["names"] == [
        f"git init in {folder}",
        "new .gitignore",
        "new a.txt",
        f"origin {empty}",
    ]
    assert answer["question"] == "Make the first commit of fresh on main, set origin, push main?"
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", "a.txt", "noise.log"]


def test_a_directory_becomes_a_repository_on_its_remote(person: Checkouts, folder: Path, empty: Path) -> None:
    (folder / "a.txt").write_text("a\n")

    answer = person.setup(folder, "../empty.git")

    assert git(empty, "rev-parse", "main") == answer["sha"] == git(folder, "rev-parse", "HEAD")
    assert git(folder, "rev-parse", "--abbrev-ref", "@{upstream}") == "origin/main"
    assert git(folder, "remote", "get-url", "origin") == str(empty)
    assert git(folder, "status", "--porcelain") == ""


def test_typed_again_it_has_nothing_to_do(person: Checkouts, folder: Path, empty: Path) -> None:
    person.setup(folder, str(empty))

    answer = person.setup(folder, str(empty), sure=False)

    assert answer["steps"] == ["nothing to do: fresh is on origin/main"]
    assert git(folder, "rev-list", "--count", "HEAD") == "1"


def test_an_empty_directory_gets_an_empty_first_commit(person: Checkouts, folder: Path) -> None:
    assert person.setup(folder, sure=False)["names"] == [
        f"git init in {folder}",
        "an empty first commit: there is no file yet",
    ]

    answer = person.setup(folder)

    assert answer["steps"][-1] == "no remote: aios setup URL adds one and pushes"
    assert git(folder, "ls-tree", "HEAD") == ""


def test_a_repository_keeps_its_branch_and_what_is_uncommitted(
    person: Checkouts, tmp_path: Path, empty: Path
) -> None:
    root = make_repository(tmp_path / "old").root
    git(root, "branch", "-m", "trunk")
    (root / "draft").write_text("x\n")

    answer = person.setup(root, str(empty))

    assert git(empty, "rev-parse", "trunk") == answer["sha"]
    assert answer["steps"][-2:] == [
        "what was uncommitted still is: aios push",
        "the branch stays trunk, as it had commits",
    ]
    assert git(root, "status", "--porcelain") == "?? draft"


def test_a_repository_without_a_commit_gets_main(person: Checkouts, folder: Path) -> None:
    git(folder, "init", "-q", "-b", "master")
    (folder / "a").write_text("a\n")

    person.setup(folder)

    assert git(folder, "branch", "--show-current") == "main"
    assert git(folder, "ls-tree", "--name-only", "main") == "a"


def test_another_origin_is_named_with_the_one_before(person: Checkouts, cloned: Cloned, empty: Path) -> None:
    git(cloned.root, "remote", "set-url", "origin", "https://ada:secret@example.org/shop.git")

    names = person.setup(cloned.root, str(empty), sure=False)["names"]

    assert names == [f"origin {empty} instead of https://example.org/shop.git"]
    assert "secret" in git(cloned.root, "remote", "get-url", "origin")
    person.setup(cloned.root, str(empty))
    assert git(empty, "rev-parse", "main") == git(cloned.root, "rev-parse", "HEAD")


def test_a_remote_with_another_history_is_not_overwritten(
    person: Checkouts, cloned: Cloned, folder: Path
) -> None:
    theirs = git(cloned.origin, "rev-parse", "main")
    (folder / "a").write_text("a\n")

    with pytest.raises(ConflictError, match="origin/main has commits that are not here"):
        person.setup(folder, str(cloned.origin))

    assert git(cloned.origin, "rev-parse", "main") == theirs
    assert git(folder, "log", "-1", "--format=%s") == "First commit"


def test_a_remote_that_is_not_there_says_so(person: Checkouts, folder: Path) -> None:
    with pytest.raises(ExternalError, match="did not take it"):
        person.setup(folder, f"file://{folder}-none.git")


def test_secrets_of_a_first_commit_are_pointed_out(person: Checkouts, folder: Path) -> None:
    (folder / ".env").write_text("KEY=1\n")

    assert "WARNING .env looks like a secret" in person.setup(folder, sure=False)["names"]


def test_a_repository_inside_is_refused(person: Checkouts, folder: Path) -> None:
    make_repository(folder / "vendor")

    with pytest.raises(ConflictError, match="vendor/ in"):
        person.setup(folder)

    assert not (folder / ".git").exists()


def test_a_subdirectory_sets_up_the_whole_repository(person: Checkouts, cloned: Cloned) -> None:
    commit(cloned.root, "below/a", "a\n")

    answer = person.setup(cloned.root / "below")

    assert git(cloned.origin, "rev-parse", "main") == answer["sha"]


@pytest.mark.parametrize(
    "word",
    [
        "https://github.com/me/shop.git",
        "ssh://git@example.org:2222/me/shop.git",
        "git@github.com:me/shop.git",
        "example.org:shop.git",
        "file:///srv/git/shop.git",
    ],
)
def test_addresses_are_taken_as_they_are(word: str, tmp_path: Path) -> None:
    assert remote_address(word, tmp_path) == word


@pytest.mark.parametrize(
    "word",
    [
        "--upload-pack=touch /tmp/x",
        "ext::sh -c touch% /tmp/x",
        "ssh://-oProxyCommand=touch/x",
        "a:b c",
        "git@host:x\nfetch = +refs",
        "no-such-directory",
        "mailto:me@example.org::x",
    ],
)
@pytest.mark.usefixtures("quiet_git")
def test_what_is_no_address_is_wrong_usage(word: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        remote_address(word, tmp_path)
