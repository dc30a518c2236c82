"""Repositories in a worktree: what of them would go with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from aios_app.domain.errors import ConflictError, GitError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.runner import run_git

_REMOTE_LIMIT_S = 20
#: As many as fit into the arguments of one git process.
_MOST_REFS = 20_000


def check_submodules(place: Path, git_dir: Path, gitlinks: Iterable[str]) -> None:
    """Raises ``ConflictError`` where a submodule holds what neither its remote nor the worktree has."""
    for name in gitlinks:
        if (place / name / ".git").exists():
            _check_clean(place, name)
            _check_pushed(place / name, f"submodule {name} of {place}", {})
    for module in _modules(git_dir / "modules"):
        env = {"GIT_DIR": str(module), "GIT_WORK_TREE": str(module)}  # its own one may be gone
        _check_pushed(module, f"submodule {module.relative_to(git_dir / 'modules')} of {place}", env)


def _check_clean(place: Path, name: str) -> None:
    args = ["status", "--porcelain", "--ignore-submodules=none"]
    if run_git(args, cwd=place / name, timeout_s=READ_LIMIT_S):
        raise ConflictError(
            f"submodule {name} of {place} has uncommitted changes: commit and push them there"
        )


def _check_pushed(repository: Path, what: str, env: Mapping[str, str]) -> None:
    if _unpushed(repository, env, ()) and (words := _unpushed(repository, env, _on_remote(repository, env))):
        raise ConflictError(f"{what} has a commit that its remote has not ({words}): push it there")


def _unpushed(repository: Path, env: Mapping[str, str], known: Sequence[str]) -> str:
    """A commit that neither was there when the submodule was filled nor is on the remote, as last fetched."""
    args = ["log", "--format=%h %s", "--max-count=1", "--ignore-missing", "--all"]
    args += ["--not", "--remotes", "--glob=refs/aios/filled", *known, "--"]
    return run_git(args, cwd=repository, timeout_s=READ_LIMIT_S, env=env).strip()


def _on_remote(repository: Path, env: Mapping[str, str]) -> list[str]:
    """What the remote has now, tags too; nothing where it cannot be asked."""
    try:
        args = ["ls-remote", "--quiet", "origin"]
        rows = run_git(args, cwd=repository, timeout_s=_REMOTE_LIMIT_S, env=env).splitlines()
    except GitError:
        return []
    return [row.partition("\t")[0] for row in rows][:_MOST_REFS]


def _modules(folder: Path) -> Iterator[Path]:
    """The repositories of submodules, also those of submodules in submodules."""
    for path in sorted(folder.glob("*/")):
        if (path / "HEAD").is_file() and (path / "objects").is_dir():
            yield path
            yield from _modules(path / "modules")
        else:
            yield from _modules(path)
