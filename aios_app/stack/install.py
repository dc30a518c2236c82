"""``aios install``: the commands ``aios`` and ``aio`` as links, through the one to the current release.

The checkout is the first release; an update changes what ``current`` leads to, and nothing here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.errors import ConflictError, StackError
from aios_app.settings import Settings
from aios_app.stack.releases import Releases

NAMES = ("aios", "aio")
_ADVICE = {
    "fish": "fish_add_path ~/.local/bin",
    "zsh": "echo 'export PATH=\"$HOME/.local/bin:$PATH\"' >> ~/.zshrc",
}
_USUAL_ADVICE = "echo 'export PATH=\"$HOME/.local/bin:$PATH\"' >> ~/.profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallReport:
    """The links, and the command that puts their directory into PATH; empty where it is there."""

    links: tuple[Path, ...]
    is_in_path: bool
    advice: str


def install(settings: Settings, checkout: Path) -> InstallReport:
    """Links ``~/.local/bin/aios`` and ``aio``, and makes the checkout the current one; again is no harm.

    ``ConflictError``, with nothing changed, where one of the names is taken by something else.
    """
    program = _program(checkout)
    links, releases = _links(settings), Releases(settings)
    _refuse_other_checkout(links[0], releases, program)
    for link in links:
        _refuse_foreign(link, releases, program)
    try:
        current, root = releases.current, program.parent
        if current is None or (current != root and not releases.is_release(root)):
            releases.switch(root)
        for link in links:
            _link(link, releases.link / program.name)
    except OSError as error:
        raise StackError(f"cannot write {error.filename2 or error.filename}: {error.strerror}") from error
    is_in_path = str(links[0].parent) in os.get_exec_path()
    advice = "" if is_in_path else path_advice(settings)
    return InstallReport(links=links, is_in_path=is_in_path, advice=advice)


def path_advice(settings: Settings) -> str:
    """The command that puts the links' directory into PATH, for the person's shell."""
    return _ADVICE.get(Path(settings.shell).name, _USUAL_ADVICE)


def uninstall(settings: Settings, checkout: Path) -> list[Path]:
    """Removes the links that lead to this checkout or to a release, and only these; returns them."""
    releases, root = Releases(settings), checkout.resolve()
    current = releases.current
    is_ours = current is None or current == root or releases.is_release(current)
    targets = {root / "aios"} | ({releases.link / "aios"} if is_ours else set())
    own = [link for link in _links(settings) if link.is_symlink() and link.readlink() in targets]
    for link in own:
        link.unlink()
    if is_ours:
        releases.forget()
    return own


def _program(checkout: Path) -> Path:
    program = checkout.resolve() / "aios"
    if not os.access(program, os.X_OK):
        raise StackError(f"there is no program {program}: run this from a checkout of AIOS")
    return program


def _links(settings: Settings) -> tuple[Path, ...]:
    return tuple(settings.home / ".local/bin" / name for name in NAMES)


def _refuse_other_checkout(link: Path, releases: Releases, program: Path) -> None:
    current = releases.current
    if current is None or current == program.parent or releases.is_release(current):
        return
    if link.is_symlink() and (current / program.name).exists():
        raise ConflictError(
            f"{link} is not of this checkout but of {current}: {current / program.name} uninstall comes first"
        )


def _refuse_foreign(link: Path, releases: Releases, program: Path) -> None:
    is_own = link.is_symlink() and link.readlink() in {program, releases.link / program.name}
    is_moved = link.is_symlink() and link.readlink().name == program.name and not link.exists()
    if os.path.lexists(link) and not (is_own or is_moved):
        target = f" (a link to {link.readlink()})" if link.is_symlink() else ""
        raise ConflictError(
            f"{link}{target} is not of this checkout: remove it first, or keep it and use {program}"
        )


def _link(link: Path, program: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.symlink_to(program)
    fresh.replace(link)
