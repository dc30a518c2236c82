"""The links that make ``aios`` a command, in a home directory of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from aios_app.domain.errors import ConflictError, StackError
from aios_app.settings import Settings, load
from aios_app.stack.install import install, uninstall


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"HOME": str(tmp_path / "home"), "SHELL": "/usr/bin/zsh"})


def checkout_at(path: Path) -> Path:
    path.mkdir()
    (path / "aios").write_text("#!/bin/sh\n")
    (path / "aios").chmod(0o755)
    return path


def test_install_links_both_names_and_again_is_no_harm(settings: Settings, tmp_path: Path) -> None:
    checkout = checkout_at(tmp_path / "check out")

    report = install(settings, checkout)

    assert install(settings, checkout) == report
    assert [link.resolve() for link in report.links] == [checkout / "aios"] * 2
    assert [link.name for link in report.links] == ["aios", "aio"]
    assert sorted(path.name for path in report.links[0].parent.iterdir()) == ["aio", "aios"]


def test_what_to_add_to_the_path_is_said_in_the_shells_own_words(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = checkout_at(tmp_path / "checkout")

    outside = install(settings, checkout)
    monkeypatch.setenv("PATH", f"/usr/bin:{settings.home}/.local/bin")
    inside = install(settings, checkout)

    assert (outside.is_in_path, inside.is_in_path, inside.advice) == (False, True, "")
    assert outside.advice.endswith(">> ~/.zshrc")


@pytest.mark.parametrize("taken", ["aios", "aio"])
def test_a_foreign_file_is_never_overwritten(settings: Settings, tmp_path: Path, taken: str) -> None:
    checkout = checkout_at(tmp_path / "checkout")
    folder = settings.home / ".local/bin"
    folder.mkdir(parents=True)
    (folder / taken).write_text("mine")

    with pytest.raises(ConflictError, match="not of this checkout"):
        install(settings, checkout)

    assert [path.name for path in folder.iterdir()] == [taken]
    assert uninstall(settings, checkout) == []
    assert (folder / taken).read_text() == "mine"


def test_the_links_of_another_checkout_stay_but_dead_ones_are_replaced(
    settings: Settings, tmp_path: Path
) -> None:
    old, new = checkout_at(tmp_path / "old"), checkout_at(tmp_path / "new")
    install(settings, old)

    with pytest.raises(ConflictError, match="old/aios"):
        install(settings, new)
    assert uninstall(settings, new) == []
    (old / "aios").unlink()
    install(settings, new)

    assert (settings.home / ".local/bin/aios").resolve() == new / "aios"


def test_uninstall_removes_its_own_links(settings: Settings, tmp_path: Path) -> None:
    checkout = checkout_at(tmp_path / "checkout")
    install(settings, checkout)

    removed = uninstall(settings, checkout)

    assert [link.name for link in removed] == ["aios", "aio"]
    assert list((settings.home / ".local/bin").iterdir()) == []


def test_without_a_program_there_is_nothing_to_link(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="from a checkout"):
        install(settings, tmp_path)
