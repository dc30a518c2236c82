"""The work of another repository as a patch, and as a tree of this one, of which nothing stays."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aios_app.domain.errors import ConflictError, GitError
from aios_app.git.base import READ_LIMIT_S
from aios_app.git.location import Repository
from aios_app.git.runner import first_words, run_git

#: Of a patch as JSON: it must fit into a request.
_MOST_BYTES = 1536 * 1024
_CONFIG = {"core.quotePath": "false", "apply.whitespace": "nowarn", "core.autocrlf": "false"}


def patch_between(repo: Repository, old: str, new: str) -> str:
    """What leads from one commit or tree to another, whole; ``ConflictError`` where it is too much."""
    with tempfile.TemporaryDirectory(prefix="aios-patch-") as folder:
        path = Path(folder) / "patch"
        options = ["-r", "-p", "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv"]
        prefixes = ["--no-renames", "--src-prefix=a/", "--dst-prefix=b/", f"--output={path}"]
        words = ["diff-tree", *options, *prefixes, old, new]
        run_git(words, cwd=repo.root, timeout_s=READ_LIMIT_S, config=_CONFIG)
        with path.open("rb") as file:
            patch = file.read(_MOST_BYTES).decode("utf-8", "surrogateescape")
    if len(json.dumps(patch)) >= _MOST_BYTES:
        raise ConflictError("its change is too large to be compared across machines: aios diff it alone")
    return patch


@contextmanager
def patched(repo: Repository, base: str, patch: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The tree that the patch makes of the commit ``base``, and the environment in which git knows it.

    Raises ``GitError`` where the base is not here, or the patch does not fit it.
    """
    with tempfile.TemporaryDirectory(prefix="aios-patch-") as folder:
        objects, path = Path(folder) / "objects", Path(folder) / "patch"
        objects.mkdir()
        path.write_bytes(patch.encode("utf-8", "surrogateescape"))
        env = {
            "GIT_DIR": str(repo.git_dir),
            "GIT_INDEX_FILE": str(Path(folder) / "index"),
            "GIT_OBJECT_DIRECTORY": str(objects),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{repo.git_dir}/objects"',
        }
        try:
            _git(repo, ["read-tree", base], env)
            if patch:
                _git(repo, ["apply", "--cached", str(path)], env)
            tree = _git(repo, ["write-tree"], env).strip()
        except GitError as error:
            raise GitError(f"the other machine's change does not fit here: {first_words(error)}") from error
        yield tree, env


def _git(repo: Repository, words: list[str], env: Mapping[str, str]) -> str:
    return run_git(words, cwd=repo.git_dir, timeout_s=READ_LIMIT_S, env=env, config=_CONFIG)
