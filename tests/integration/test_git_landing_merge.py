from __future__ import annotations

from pathlib import Path

import pytest

from aios_app.domain.landing import Strategy
from aios_app.git.merging import MergeConflict, forecast, merge, revert_range
from aios_app.git.scratch import Scratch
from tests.integration.git_fixtures import Cloned, cloned, commit, git, quiet_git
from tests.integration.landing_fixtures import MESSAGE, PERSON, held, hook, land, work

__all__ = ["cloned", "held", "quiet_git"]
pytestmark = pytest.mark.usefixtures("quiet_git")


def _base(cloned: Cloned) -> str:
    return git(cloned.root, "rev-parse", "origin/main")


def _advance(cloned: Cloned, name: str, text: str) -> str:
    """The base goes on meanwhile."""
    sha = commit(cloned.root, name, text)
    git(cloned.root, "push", "-q", "origin", "main")
    return sha


def test_a_merge_keeps_the_commits_and_carries_the_message(cloned: Cloned, held: Scratch) -> None:
    source = work(cloned.root, {"a.txt": "a\n"})
    base = _advance(cloned, "b.txt", "b\n")

    sha = merge(held, base, source, Strategy.MERGE, MESSAGE, PERSON)

    assert git(held.path, "show", "-s", "--format=%P", sha) == f"{base} {source}"
    assert git(held.path, "show", "-s", "--format=%B", sha) == MESSAGE.strip()
    assert git(held.path, "ls-tree", "--name-only", sha).split() == ["README.md", "a.txt", "b.txt"]


@pytest.mark.parametrize("strategy", [Strategy.SQUASH, Strategy.REBASE])
def test_a_squash_is_one_commit_and_a_rebase_keeps_each_in_one_line(
    cloned: Cloned, held: Scratch, strategy: Strategy
) -> None:
    work(cloned.root, {"a.txt": "a\n"})
    source = work(cloned.root, {"c.txt": "c\n"})
    base = _advance(cloned, "b.txt", "b\n")

    sha = merge(held, base, source, strategy, MESSAGE, PERSON)

    subjects = git(held.path, "log", "--format=%s", "--first-parent", f"{base}..{sha}").splitlines()
    whole = (
        ["fix the redirect"] if strategy is Strategy.SQUASH else ["work writes c.txt", "work writes a.txt"]
    )
    assert subjects == whole
    assert git(held.path, "rev-list", "--merges", f"{base}..{sha}") == ""
    assert git(held.path, "ls-tree", "--name-only", sha).split() == ["README.md", "a.txt", "b.txt", "c.txt"]


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_conflict_names_the_file_and_both_sides_commits_and_leaves_no_trace(
    cloned: Cloned, held: Scratch, strategy: Strategy
) -> None:
    # Given two that changed one line
    source = work(cloned.root, {"README.md": "theirs\n", "only mine.txt": "x\n"})
    base = _advance(cloned, "README.md", "ours\n")
    refs = git(cloned.root, "for-each-ref")

    # When one of them comes second
    with pytest.raises(MergeConflict, match=r"README\.md conflicts .* nothing was changed") as caught:
        merge(held, base, source, strategy, MESSAGE, PERSON)

    # Then both sides are told, no reference has moved, and the scratch is of use again
    (file,) = caught.value.files
    assert (file.path, file.ours, file.theirs) == (
        "README.md",
        (f"{base[:7]} write README.md (T)",),
        (f"{source[:7]} work writes README.md, only mine.txt (T)",),
    )
    assert git(cloned.root, "for-each-ref") == refs
    other = work(cloned.root, {"a.txt": "a\n"}, "other")
    assert git(
        held.path, "ls-tree", "--name-only", merge(held, base, other, strategy, MESSAGE, PERSON)
    ).split() == [
        "README.md",
        "a.txt",
    ]


def test_a_conflict_of_the_second_commit_of_a_rebase_leaves_no_trace(cloned: Cloned, held: Scratch) -> None:
    work(cloned.root, {"a.txt": "a\n"})
    source = work(cloned.root, {"README.md": "theirs\n"})
    base = _advance(cloned, "README.md", "ours\n")

    with pytest.raises(MergeConflict):
        merge(held, base, source, Strategy.REBASE, MESSAGE, PERSON)

    assert land(held, work(cloned.root, {"b.txt": "b\n"}, "other"), Strategy.REBASE)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_what_is_in_the_base_already_gives_the_base(
    cloned: Cloned, held: Scratch, strategy: Strategy
) -> None:
    source = work(cloned.root, {"a.txt": "a\n"})
    landed = land(held, source)

    assert merge(held, landed, source, strategy, MESSAGE, PERSON) == landed


def test_a_resolution_in_a_merge_commit_outlives_a_rebase(cloned: Cloned, held: Scratch) -> None:
    # Given a branch that merged the base and resolved a conflict there
    work(cloned.root, {"README.md": "theirs\n"})
    base = _advance(cloned, "README.md", "ours\n")
    place = cloned.root.parent / "tree-work"
    with pytest.raises(Exception, match="exit status 1"):
        git(place, "merge", "-q", base)
    (place / "README.md").write_text("both\n")
    git(place, "commit", "-q", "-a", "-m", "resolve")

    sha = merge(held, base, git(place, "rev-parse", "HEAD"), Strategy.REBASE, MESSAGE, PERSON)

    assert git(held.path, "show", f"{sha}:README.md") == "both"
    assert git(held.path, "show", "-s", "--format=%P", sha) == base


@pytest.mark.parametrize("strategy", list(Strategy))
def test_what_the_base_had_once_and_took_back_is_not_left_out(
    cloned: Cloned, held: Scratch, strategy: Strategy
) -> None:
    source = work(cloned.root, {"a.txt": "a\n"})
    commit(cloned.root, "b.txt", "b\n")
    git(cloned.root, "cherry-pick", source)
    git(cloned.root, "revert", "--no-edit", "HEAD")
    base = git(cloned.root, "rev-parse", "HEAD")

    sha = merge(held, base, source, strategy, MESSAGE, PERSON)

    assert git(held.path, "show", f"{sha}:a.txt") == "a"


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_further_turn_after_a_landing_brings_only_what_is_new(
    cloned: Cloned, held: Scratch, strategy: Strategy
) -> None:
    # Given a branch whose first commit landed as another one, with a base that went on
    first = work(cloned.root, {"README.md": "two\n"})
    land(held, first, strategy)
    land(held, work(cloned.root, {"b.txt": "b\n"}, "other"))
    source = work(cloned.root, {"a.txt": "a\n"})
    base = _base(cloned)

    sha = merge(held, base, source, strategy, MESSAGE, PERSON)

    assert git(held.path, "diff", "--name-only", base, sha) == "a.txt"


@pytest.mark.parametrize("driver", ["union", "own"])
def test_a_merge_driver_of_gitattributes_is_used(cloned: Cloned, held: Scratch, driver: str) -> None:
    git(cloned.root, "config", "merge.own.driver", "cat %A %B > %A.new && mv %A.new %A")
    _advance(cloned, ".gitattributes", f"*.md merge={driver}\n")
    source = work(cloned.root, {"README.md": "one\ntheirs\n"})
    base = _advance(cloned, "README.md", "one\nours\n")

    sha = merge(held, base, source, Strategy.MERGE, MESSAGE, PERSON)

    both = git(held.path, "show", f"{sha}:README.md")
    assert "ours" in both
    assert "theirs" in both


def test_pointers_of_large_files_and_names_of_any_bytes_land_as_they_are(
    cloned: Cloned, held: Scratch
) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize 12345\n"
    name = "Süd \udcff\n-x.bin"
    source = work(
        cloned.root, {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", name: pointer}
    )

    sha = land(held, source)

    entry = git(held.path, "ls-tree", "-r", sha).splitlines()[-1]
    assert git(held.path, "cat-file", "blob", entry.split()[2]) == pointer.strip()


def test_a_person_who_configured_their_own_merges_lands_as_others_do(
    cloned: Cloned, held: Scratch, tmp_path: Path
) -> None:
    # Given a person's settings, and a branch of theirs at the work
    hook(tmp_path, "monitor", f"touch {tmp_path}/monitored")
    for name, value in {
        "merge.ff": "only",
        "rebase.updateRefs": "true",
        "rebase.autoSquash": "true",
        "rerere.enabled": "true",
        "commit.cleanup": "strip",
        "core.fsmonitor": str(tmp_path / "monitor"),
    }.items():
        git(cloned.root, "config", name, value)
    source = work(cloned.root, {"a.txt": "a\n"})
    git(cloned.root, "branch", "extra", source)
    base = _advance(cloned, "b.txt", "b\n")
    (tmp_path / "monitored").unlink()

    for strategy in (Strategy.MERGE, Strategy.SQUASH):
        sha = merge(held, base, source, strategy, "# 7 is fixed\n\n# Summary\n", PERSON)
        assert git(held.path, "show", "-s", "--format=%B", sha) == "# 7 is fixed\n\n# Summary"
    assert merge(held, base, source, Strategy.REBASE, MESSAGE, PERSON) != source

    assert git(cloned.root, "rev-parse", "extra") == source
    assert not (tmp_path / "monitored").exists()


@pytest.mark.parametrize("strategy", list(Strategy))
def test_what_landed_is_taken_back_by_one_commit(cloned: Cloned, held: Scratch, strategy: Strategy) -> None:
    # Given a landing of two commits, and someone's work after it
    work(cloned.root, {"a.txt": "a\n"})
    source = work(cloned.root, {"README.md": "two\n"})
    before = _base(cloned)
    landed = land(held, source, strategy)
    after = land(held, work(cloned.root, {"later.txt": "l\n"}, "later"))

    sha = revert_range(held, after, before, landed, "take it back\n", PERSON)

    assert git(held.path, "rev-list", "--count", f"{after}..{sha}") == "1"
    assert git(held.path, "show", "-s", "--format=%s", sha) == "take it back"
    assert git(held.path, "ls-tree", "--name-only", sha).split() == ["README.md", "later.txt"]
    assert git(held.path, "show", f"{sha}:README.md") == "one"
    assert revert_range(held, sha, before, landed, "again\n", PERSON) == sha


def test_what_was_changed_since_it_landed_cannot_be_taken_back(cloned: Cloned, held: Scratch) -> None:
    before = _base(cloned)
    landed = land(held, work(cloned.root, {"README.md": "two\n"}))
    after = land(held, work(cloned.root, {"README.md": "three\n"}, "later"))

    with pytest.raises(MergeConflict) as caught:
        revert_range(held, after, before, landed, "take it back\n", PERSON)

    (file,) = caught.value.files
    assert "later writes README.md" in file.ours[0] + file.ours[-1]
    assert any("work writes README.md" in line for line in file.theirs)


def test_a_forecast_names_the_files_that_will_conflict(cloned: Cloned) -> None:
    source = work(cloned.root, {"README.md": "theirs\n", "a.txt": "a\n"})
    base = _advance(cloned, "README.md", "ours\n")

    assert forecast(cloned.repo, base, source) == ["README.md"]
    assert forecast(cloned.repo, base, work(cloned.root, {"b.txt": "b\n"}, "other")) == []


def test_a_branch_with_a_slash_and_a_leading_dash_in_a_message_land(cloned: Cloned, held: Scratch) -> None:
    source = work(cloned.root, {"a.txt": "a\n"}, "aios/7-fix/it")

    sha = merge(held, _base(cloned), source, Strategy.SQUASH, "--amend $(touch x)\n", PERSON)

    assert git(held.path, "show", "-s", "--format=%s", sha) == "--amend $(touch x)"
    assert not Path(held.path / "x").exists()
