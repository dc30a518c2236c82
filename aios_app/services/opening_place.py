"""What the words after an agent mean: a project, a directory, a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aios_app.domain.errors import UsageError
from aios_app.domain.models import Project
from aios_app.domain.naming import title_of
from aios_app.domain.opening import is_place
from aios_app.git.repository import find_repository
from aios_app.services.catalogue_sync import freshen_catalogue
from aios_app.services.context import Context
from aios_app.services.project_places import is_here
from aios_app.services.start_run import unsaved

_SHORT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """``project.path`` is where the agent works, or the repository of its new worktree.

    ``taken`` says in words what each word was taken for.
    """

    project: Project
    prompt: str | None
    taken: str


def read_place(ctx: Context, words: Sequence[str], cwd: str, *, is_new: bool) -> Place:
    """A word is a project if it is a number or a saved name, a directory with a ``/``, else the prompt."""
    if len(words) > 2:
        raise UsageError(f"too many words: put the prompt in quotes, '{_short(' '.join(words[1:]))}'")
    first = words[0] if words else ""
    project = _saved(ctx, first, is_new=is_new) if words else None
    directory, said = _directory(project, first, cwd) if words else (cwd, "")
    rest = list(words) if directory is None else list(words[1:])
    if len(rest) > 1:
        raise UsageError(
            f"'{_short(first)}' is no project (aios p), and no directory (a prompt goes in quotes)"
        )
    prompt = rest[0] if rest else None
    taken = [said] if directory is not None and said else []
    taken += [f"'{_short(prompt)}' is the prompt"] if prompt is not None else []
    if project is None or is_here(ctx, project):
        project = project_for(ctx, Path(directory or cwd), is_new=is_new)
    return Place(project=project, prompt=prompt, taken=", ".join(taken))


def _saved(ctx: Context, word: str, *, is_new: bool) -> Project | None:
    """The project that a word names; only a new worktree can be of one that is not on this machine."""
    freshen_catalogue(ctx)
    found = (one for one in ctx.catalog.projects() if word in {str(one.number), one.name})
    project = next(found, None)
    if project is not None and not is_new and not is_here(ctx, project):
        raise UsageError(f"{project.name} has no directory on this machine: with ++ it gets a new worktree")
    return project


def _directory(project: Project | None, word: str, cwd: str) -> tuple[str | None, str]:
    """The directory that a word means, and that in words; None where it is a prompt."""
    if project is not None:
        where = project.path or project.url or ""
        return where, f"'{word}' is project {project.number}: {where}"
    if word.isdecimal():
        raise UsageError(f"there is no project {word}: aios p lists them (-p {word} makes it the prompt)")
    path = Path(cwd, word)
    if word in {".", ".."} or ("/" in word and _is_directory(path)):
        return str(path), f"'{_short(word)}' is the directory {path.resolve()}"
    if is_place(word):
        raise UsageError(f"there is no directory {_short(word)} (-p '{_short(word)}' makes it the prompt)")
    return None, ""


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a prompt may be longer than any path
        return False


def project_for(ctx: Context, directory: Path, *, is_new: bool) -> Project:
    """The directory as a project, or the repository that it is in: for a new worktree."""
    if not _is_directory(directory):
        raise UsageError(f"{directory} is not a directory")
    if is_new:
        root = find_repository(directory).root
        return ctx.catalog.project_at(root) or unsaved(ctx, root)
    place = directory.resolve()
    here = [project for project in ctx.catalog.projects() if is_here(ctx, project)]
    saved = [project for project in here if place.is_relative_to(project.path)]
    nearest = max(saved, key=lambda project: len(project.path), default=None)
    return replace(nearest, path=str(place)) if nearest else unsaved(ctx, place)


def _short(text: str) -> str:
    title = title_of(text)
    return title if len(title) <= _SHORT else title[: _SHORT - 1] + "…"
