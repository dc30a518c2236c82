"""Where a repository is."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from pathlib import Path

import git

from aios_app.domain.errors import GitError


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on this machine, the same from wherever inside of it one looks."""

    root: Path  #: the top of the main worktree; of a bare repository its directory
    git_dir: Path  #: what all of its worktrees share

    @property
    def is_bare(self) -> bool:
        return self.root == self.git_dir

    def origin_url(self) -> str | None:
        """The address of the remote ``origin`` as configured, None where there is none."""
        try:
            with git.Repo(self.git_dir, expand_vars=False) as repo:
                config = repo.config_reader("repository")
                return str(config.get_value('remote "origin"', "url", "")) or None
        except (git.GitError, configparser.Error, OSError, ValueError) as error:
            raise GitError(
                f"{self.git_dir}/config cannot be read: git config --list there says why"
            ) from error
